/** Why a server does not start. */

import { Fault } from './fault.ts'

/** A setting is missing, unknown or wrong. One sentence a problem, each with its remedy. */
export class ConfigInvalid extends Fault {
  static readonly code = 'config_invalid'
  static readonly status = 500

  constructor(problems: readonly string[]) {
    super({}, { problems })
  }
}

/** Of several worker processes not one became ready. */
export class WorkersFailed extends Fault {
  static readonly code = 'workers_failed'
  static readonly status = 503
}

/** The port is taken, or may not be bound. */
export class PortUnusable extends Fault {
  static readonly code = 'port_unusable'
  static readonly reasons = { taken: 503, forbidden: 503, other_machine: 503, no_address: 503, other: 503 } as const

  constructor({ host, port, cause }: { host: string; port: number; cause: NodeJS.ErrnoException }) {
    const reason: keyof typeof PortUnusable.reasons = REASONS[cause.code ?? ''] ?? 'other'
    super({ cause }, { reason, values: { host, port, error: cause.message } })
  }
}

const REASONS: Readonly<Record<string, keyof typeof PortUnusable.reasons>> = {
  EADDRINUSE: 'taken',
  EACCES: 'forbidden',
  EADDRNOTAVAIL: 'other_machine',
  ENOTFOUND: 'no_address',
}
