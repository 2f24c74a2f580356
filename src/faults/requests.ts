/** Requests that no endpoint takes. */

import { Fault } from './fault.ts'

/** No page or endpoint at this address. */
export class NotFound extends Fault {
  readonly code = 'not_found'
  readonly status = 404

  constructor() {
    super('There is nothing at this address.')
  }
}

/** The address exists, but not for this method. */
export class MethodNotAllowed extends Fault {
  readonly code = 'method_not_allowed'
  readonly status = 405

  constructor() {
    super('This address does not answer that kind of request.')
  }
}

/** The address has more parameters than any request of ours. */
export class ParametersTooMany extends Fault {
  readonly code = 'parameters_too_many'
  readonly status = 400

  constructor() {
    super('This address has too many parameters.')
  }
}

/** As many requests with a large body are waiting as this process takes. */
export class LargeRequestsBusy extends Fault {
  readonly code = 'large_requests_busy'
  readonly status = 503
  readonly retryAfterSeconds = 5

  constructor() {
    super('Too many large requests are waiting. Please try again in a few seconds, or send a smaller one.')
  }
}

/** The request body is larger, or of another kind, than the form it answers. */
export class BodyRefused extends Fault {
  readonly code = 'body_refused'
  readonly status: number

  constructor(status: 400 | 413 | 415, message: string) {
    super(message)
    this.status = status
  }
}
