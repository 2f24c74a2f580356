/** Requests that no endpoint takes. */

import { Fault } from './fault.ts'

/** No page or endpoint at this address. */
export class NotFound extends Fault {
  static readonly code = 'not_found'
  static readonly status = 404
}

/** The address exists, but not for this method. */
export class MethodNotAllowed extends Fault {
  static readonly code = 'method_not_allowed'
  static readonly status = 405
}

/** The address has more parameters than any valid request. */
export class ParametersTooMany extends Fault {
  static readonly code = 'parameters_too_many'
  static readonly status = 400
}

/** As many requests with a large body are waiting as this process takes. */
export class LargeRequestsBusy extends Fault {
  static readonly code = 'large_requests_busy'
  static readonly status = 503
  readonly retryAfterSeconds = 5
}

/** The request body is larger, or of another kind, than the form it answers. */
export class BodyRefused extends Fault {
  static readonly code = 'body_refused'
  static readonly reasons = {
    ...{ cut_off: 400, field_twice: 400, too_many_fields: 400, not_utf8: 400, not_a_poll: 400 },
    ...{ too_large: 413, query_too_large: 413 },
    ...{ not_a_form: 415, compressed: 415, not_json: 415 },
  } as const

  constructor(reason: keyof typeof BodyRefused.reasons) {
    super({}, { reason })
  }
}
