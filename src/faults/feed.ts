/** Readers of revocations that are refused. */

import { Fault } from './fault.ts'

/** As many streams of revocations as this node, or one client, may have are open. */
export class FeedBusy extends Fault {
  readonly code = 'feed_busy'
  readonly status = 503
  readonly retryAfterSeconds = 10

  constructor() {
    super('Too many streams of revocations are open. Please try again in a few seconds, or poll.')
  }
}

/** A parameter of the query has a value that means nothing. */
export class QueryInvalid extends Fault {
  readonly code = 'query_invalid'
  readonly status = 400

  constructor() {
    super('A parameter of this address has a wrong value or stands in it twice: after is a cursor, limit 1 to 1000.')
  }
}
