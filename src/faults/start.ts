/** Why a server does not start. */

import { Fault } from './fault.ts'

/** Start refused: a setting is missing, unknown or wrong. One sentence a problem, each with its mend. */
export class ConfigInvalid extends Fault {
  readonly code = 'config_invalid'
  readonly status = 500
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** Start refused: of several worker processes not one became ready. */
export class WorkersFailed extends Fault {
  readonly code = 'workers_failed'
  readonly status = 503

  constructor() {
    super('No worker process could start; each has said why.')
  }
}

/** Start refused: the port is taken, or may not be bound. */
export class PortUnusable extends Fault {
  readonly code = 'port_unusable'
  readonly status = 503

  constructor({ host, port, cause }: { host: string; port: number; cause: NodeJS.ErrnoException }) {
    super(`Cannot listen on ${host}:${port}: ${WHY_NOT[cause.code ?? ''] ?? cause.message}.`, { cause })
  }
}

const WHY_NOT: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there; stop it, or choose another PORT or OPS_PORT',
  EACCES: 'this user may not bind that port; choose one above 1023, or allow it',
  EADDRNOTAVAIL: 'this machine does not have that address; mend HOST or OPS_HOST',
  ENOTFOUND: 'that name has no address; mend HOST or OPS_HOST',
}
