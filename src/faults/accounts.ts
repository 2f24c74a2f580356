/** Accounts that cannot be made, found or changed. */

import { Fault } from './fault.ts'

/** An account with this login exists. */
export class AccountExists extends Fault {
  readonly code = 'account_exists'
  readonly status = 409

  constructor() {
    super('There is an account with this login already.')
  }
}

/** There is no account with this id. */
export class AccountUnknown extends Fault {
  readonly code = 'account_unknown'
  readonly status = 404

  constructor() {
    super('There is no such account.')
  }
}

/** The text cannot be a login; the message says why. */
export class LoginRefused extends Fault {
  readonly code = 'login_refused'
  readonly status = 400
}

/** The password breaks a rule; the message says which. */
export class PasswordRefused extends Fault {
  readonly code = 'password_refused'
  readonly status = 400
}
