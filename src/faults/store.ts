/** The store does not answer, is full, or holds what must not be served. */

import { Fault, type FaultOptions } from './fault.ts'

/** The store did not answer, or answered that it cannot: nothing may be issued or called valid. */
export class StoreUnavailable extends Fault {
  readonly code = 'store_unavailable'
  readonly status = 503
  readonly retryAfterSeconds = 2

  constructor(options: FaultOptions = {}) {
    super('The service is temporarily unavailable. Please try again in a moment.', options)
  }
}

/** The store has room for endings only: nothing is issued until entries expire or the operator makes room. */
export class StoreFull extends Fault {
  readonly code = 'store_full'
  readonly status = 503
  readonly retryAfterSeconds = 30

  constructor(options: FaultOptions = {}) {
    super('The service cannot take new sign-ins or issue tokens at the moment. Please try again in a minute.', options)
  }
}

/** Start refused: what is in the store must not be served. The message says why, and what to do. */
export class StoreRefused extends Fault {
  readonly code = 'store_refused'
  readonly status = 503
}

/** What strangers can make the store keep is used up: by this address or its network, or by all of them together. */
export class StrangersBounded extends Fault {
  readonly code = 'strangers_bounded'
  readonly status: number
  readonly retryAfterSeconds = 60

  /** 429 when it is this caller's share that is used up. */
  constructor(status: 429 | 503, options: FaultOptions = {}) {
    super('Too many sign-ins were started and not finished. Please try again in a minute.', options)
    this.status = status
  }
}

/** The file is no whole backup; nothing was restored from it. */
export class BackupInvalid extends Fault {
  readonly code = 'backup_invalid'
  readonly status = 400

  constructor(why: string) {
    super(`The file is no backup that can be restored: ${why}. Nothing was changed.`)
  }
}
