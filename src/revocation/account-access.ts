/**
 * Changes of an account that end the access of its owner.
 *
 * The account's record is written first: in the same write as the change it says that no earlier sign-in counts. From
 * then on no request that relies on an earlier sign-in gets anything, on any node. Then the entries for the verifiers
 * are written, and what the person held is removed. After a crash, a repeated call does all of it again.
 */

import type { Account, Accounts } from '../accounts/accounts.ts'
import type { Revocation } from './revoke.ts'

/** Each throws `AccountUnknown`. */
export interface AccountAccess {
  disable(accountId: string): Promise<Account>
  /** Also throws `PasswordRefused`, `LoginsBusy`. */
  setPassword(accountId: string, password: string): Promise<Account>
  remove(accountId: string): Promise<void>
  /** The person has to sign in again everywhere; nothing else changes. */
  end(accountId: string): Promise<void>
}

export function createAccountAccess({
  accounts,
  revocation,
}: {
  readonly accounts: Accounts
  readonly revocation: Pick<Revocation, 'endAccount'>
}): AccountAccess {
  return {
    async disable(accountId) {
      const account = await accounts.disable(accountId)
      await revocation.endAccount(accountId, 'account_disabled')
      return account
    },

    async setPassword(accountId, password) {
      const account = await accounts.setPassword(accountId, password)
      await revocation.endAccount(accountId, 'password_changed')
      return account
    },

    async remove(accountId) {
      await accounts.endAccess(accountId)
      await revocation.endAccount(accountId, 'account_removed')
      // Last, so that the account exists until everything of it has ended.
      await accounts.remove(accountId)
    },

    async end(accountId) {
      await accounts.endAccess(accountId)
      await revocation.endAccount(accountId, 'account_ended_by_operator')
    },
  }
}
