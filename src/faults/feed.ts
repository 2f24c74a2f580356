/** Readers of revocations that are refused. */

import { Fault } from './fault.ts'

/** As many streams of revocations as this node, or one client, may have are open. */
export class FeedBusy extends Fault {
  static readonly code = 'feed_busy'
  static readonly status = 503
  readonly retryAfterSeconds = 10
}

/** A parameter of the query has a value that means nothing. */
export class QueryInvalid extends Fault {
  static readonly code = 'query_invalid'
  static readonly status = 400
}
