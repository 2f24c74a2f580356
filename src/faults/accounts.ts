/** Accounts that cannot be made, found or changed. */

import { Fault } from './fault.ts'

/** An account with this login exists. */
export class AccountExists extends Fault {
  static readonly code = 'account_exists'
  static readonly status = 409
}

/** There is no account with this id. */
export class AccountUnknown extends Fault {
  static readonly code = 'account_unknown'
  static readonly status = 404
}

/** The text cannot be a login. */
export class LoginRefused extends Fault {
  static readonly code = 'login_refused'
  static readonly reasons = { empty: 400, too_long: 400, invisible: 400 } as const

  constructor(reason: keyof typeof LoginRefused.reasons, values: { readonly most?: number } = {}) {
    super({}, { reason, values })
  }
}

/** The password breaks a rule. */
export class PasswordRefused extends Fault {
  static readonly code = 'password_refused'
  static readonly reasons = {
    ...{ not_text: 400, too_short: 400, too_long: 400, too_many_bytes: 400, is_login: 400, common: 400 },
  } as const

  constructor(reason: keyof typeof PasswordRefused.reasons, values: { fewest?: number; most?: number } = {}) {
    super({}, { reason, values })
  }
}
