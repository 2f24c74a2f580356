/** The store does not answer, is full, or holds what must not be served. */

import { Fault, type FaultOptions } from './fault.ts'

/** The store did not answer, or answered that it cannot: nothing may be issued or called valid. */
export class StoreUnavailable extends Fault {
  static readonly code = 'store_unavailable'
  static readonly status = 503
  readonly retryAfterSeconds = 2
}

/** The store has room for endings only: nothing is issued until entries expire or the operator makes room. */
export class StoreFull extends Fault {
  static readonly code = 'store_full'
  static readonly status = 503
  readonly retryAfterSeconds = 30
}

/** Start refused: what is in the store must not be served. The problem says why, and what to do. */
export class StoreRefused extends Fault {
  static readonly code = 'store_refused'
  static readonly status = 503

  constructor(problem: string) {
    super({}, { problems: [problem] })
  }
}

/** What strangers can make the store keep is used up: by this address or its network, or by all of them together. */
export class StrangersBounded extends Fault {
  static readonly code = 'strangers_bounded'
  static readonly reasons = { of_network: 429, of_all: 503 } as const
  readonly retryAfterSeconds = 60

  constructor(reason: keyof typeof StrangersBounded.reasons, options: FaultOptions = {}) {
    super(options, { reason })
  }
}

/** The file is no whole backup; nothing was restored from it. */
export class BackupInvalid extends Fault {
  static readonly code = 'backup_invalid'
  static readonly reasons = {
    ...{ empty: 400, cut_off: 400, altered: 400, too_long: 400, not_json: 400, not_a_backup: 400 },
    ...{ other_version: 400, unreadable: 400 },
  } as const

  constructor(reason: keyof typeof BackupInvalid.reasons, values: Readonly<Record<string, string | number>> = {}) {
    super({}, { reason, values })
  }
}
