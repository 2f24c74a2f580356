/** What goes wrong between the login page and the answer to the application. */

import { Fault, type FaultOptions } from './fault.ts'

/** E-mail or password wrong, account unknown or disabled: one answer for all of them. */
export class LoginFailed extends Fault {
  readonly code = 'login_failed'
  readonly status = 401

  constructor(options: FaultOptions = {}) {
    super('That e-mail address and password do not match.', options)
  }
}

/** Too many password checks are waiting; the surplus is sent away so that tokens never wait for logins. */
export class LoginsBusy extends Fault {
  readonly code = 'logins_busy'
  readonly status = 503
  readonly retryAfterSeconds = 2

  constructor() {
    super('Many people are signing in right now. Please try again in a few seconds.')
  }
}

/** The limit of tries for this account or this address is reached. */
export class TooManyAttempts extends Fault {
  readonly code = 'too_many_attempts'
  readonly status = 429
  readonly retryAfterSeconds: number
  /** How many were refused before this one, since counting began. */
  readonly refusedBefore: number
  /** The name of the rule whose limit is reached. */
  readonly rule: string

  constructor(retryAfterSeconds: number, refusedBefore: number, rule: string) {
    super('Too many attempts to sign in. Please wait a while and try again.')
    this.retryAfterSeconds = retryAfterSeconds
    this.refusedBefore = refusedBefore
    this.rule = rule
  }
}

/** The sign-in that this page belongs to has ended, expired, or was begun in another browser. */
export class InteractionGone extends Fault {
  readonly code = 'interaction_gone'
  readonly status = 400

  constructor(options: FaultOptions = {}) {
    super(
      'This sign-in has expired or was started in another browser. Go back to the application and start again.',
      options,
    )
  }
}

/** A form came from another page than ours, or without its token. */
export class FormForged extends Fault {
  readonly code = 'form_forged'
  readonly status = 403

  constructor(options: FaultOptions = {}) {
    super('This form did not come from a page of ours. Go back, reload the page and try again.', options)
  }
}
