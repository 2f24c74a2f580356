/** What goes wrong between the login page and the answer to the application. */

import { Fault } from './fault.ts'

/** E-mail or password wrong, account unknown or disabled: one answer for all of them. */
export class LoginFailed extends Fault {
  static readonly code = 'login_failed'
  static readonly status = 401
}

/** Too many password checks are waiting; the surplus is refused so that tokens never wait for logins. */
export class LoginsBusy extends Fault {
  static readonly code = 'logins_busy'
  static readonly status = 503
  readonly retryAfterSeconds = 2
}

/** The limit of tries for this account or this address is reached. */
export class TooManyAttempts extends Fault {
  static readonly code = 'too_many_attempts'
  static readonly status = 429
  readonly retryAfterSeconds: number
  /** How many were refused before this one, since counting began. */
  readonly refusedBefore: number
  /** The name of the rule whose limit is reached. */
  readonly rule: string

  constructor(retryAfterSeconds: number, refusedBefore: number, rule: string) {
    super({}, { values: { wait: { seconds: retryAfterSeconds } } })
    this.retryAfterSeconds = retryAfterSeconds
    this.refusedBefore = refusedBefore
    this.rule = rule
  }
}

/** The sign-in that this page belongs to has ended, expired, or was begun in another browser. */
export class InteractionGone extends Fault {
  static readonly code = 'interaction_gone'
  static readonly status = 400
}

/** A form came from another page, or without its token. */
export class FormForged extends Fault {
  static readonly code = 'form_forged'
  static readonly status = 403
}
