/**
 * What is done to an account and takes its owner's access away.
 *
 * The account's record says first, in the same write as the change, that no earlier sign-in counts: from then on no
 * request that stands on one gets anything, on any node, whatever is under way. Then come the entries for the verifiers,
 * and what the person held is removed. Asked again after a crash, each does all of it again.
 */

import type { Account, Accounts } from '../accounts/accounts.ts'
import type { Revocation } from './revoke.ts'

/** Each throws `AccountUnknown`. */
export interface AccountAccess {
  disable(accountId: string): Promise<Account>
  /** Also throws `PasswordRefused`, `LoginsBusy`. */
  setPassword(accountId: string, password: string): Promise<Account>
  remove(accountId: string): Promise<void>
  /** The person signs in again wherever they are signed in, and that is all. */
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
      // Last, so that until all of it has ended there is somebody to remove.
      await accounts.remove(accountId)
    },

    async end(accountId) {
      await accounts.endAccess(accountId)
      await revocation.endAccount(accountId, 'account_ended_by_operator')
    },
  }
}
