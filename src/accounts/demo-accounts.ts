/** The accounts of the demo, created at the first start. */

import { AccountExists } from '../faults/accounts.ts'
import type { Config } from '../config/config.ts'
import type { Accounts } from './accounts.ts'

export async function createDemoAccounts(
  accounts: Pick<Accounts, 'createAccount' | 'findAccountByLogin'>,
  { demoAccounts }: Pick<Config, 'demoAccounts'>,
): Promise<void> {
  for (const account of demoAccounts) {
    if ((await accounts.findAccountByLogin(account.login)) !== undefined) continue
    try {
      await accounts.createAccount(account)
    } catch (error) {
      // Another node that starts at the same time was first.
      if (!(error instanceof AccountExists)) throw error
    }
  }
}
