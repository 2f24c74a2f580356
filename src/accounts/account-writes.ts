/** How accounts are written: each change is a compare and swap, so two changes at the same time never lose one. */

import { type Clock, epochSeconds } from '../base/clock.ts'
import { AccountExists, AccountUnknown } from '../faults/accounts.ts'
import { StoreUnavailable } from '../faults/store.ts'
import { keys } from '../store/keys.ts'
import type { Key, Store } from '../store/store.ts'
import type { Account } from './account.ts'
import { type AccountRecords, type StoredAccount, withoutHash } from './account-records.ts'

export interface AccountWrites {
  /** Throws `AccountExists`. */
  readonly add: (account: StoredAccount) => Promise<void>
  /** Throws `AccountUnknown`. */
  readonly update: (id: string, change: Partial<StoredAccount>) => Promise<Account>
  /** Refuses every earlier sign-in, in the same write as the change. Throws `AccountUnknown`. */
  readonly endAccess: (id: string, change?: Partial<StoredAccount>) => Promise<Account>
}

interface AccountWritesParts {
  readonly store: Store
  readonly clock: Clock
  readonly records: AccountRecords
  /** The entry that leads from a login to the id. */
  readonly loginKey: (login: string) => Key
}

// Enough time for the three writes of a creation. If the process dies between them, the unfinished account expires.
const CREATION_SECONDS = 60

export function createAccountWrites({ store, clock, records, loginKey }: AccountWritesParts): AccountWrites {
  const { read, sealed } = records
  return { add, update, endAccess }

  /** Makes the login lead to the id, unless it leads to an account that exists. */
  async function claimLogin(login: string, id: string): Promise<boolean> {
    const key = loginKey(login)
    if ((await store.put(key, id, { ifAbsent: true })) === 'stored') return true
    const entry = await store.get(key)
    if (entry === undefined || (await read(entry.value)) !== undefined) return false
    // The creator died before the account was complete, so the login is free. The version decides between two callers.
    return (await store.put(key, id, { ifVersion: entry.version })) === 'stored'
  }

  /**
   * Writes the record for a minute, then the login, which decides between two callers, then the record for good. At any
   * interruption the login becomes free again.
   */
  async function add(account: StoredAccount): Promise<void> {
    const key = keys.account(account.id)
    await store.put(key, sealed(account), { ttlSeconds: CREATION_SECONDS, ifAbsent: true })
    if (!(await claimLogin(account.login, account.id))) {
      await store.remove([key])
      throw new AccountExists()
    }
    // 'changed' is as good as 'stored': a sign-in or a disabling has written meanwhile, and each of them is for good.
    if ((await store.put(key, sealed(account), { ifVersion: 1 })) === 'gone') {
      throw new StoreUnavailable({ detail: `the creation of an account took more than ${CREATION_SECONDS} s` })
    }
  }

  /**
   * Stores the change over the version it was made from. If another write was first, makes the change again from that.
   */
  async function update(id: string, change: Partial<StoredAccount>): Promise<Account> {
    for (;;) {
      const found = await read(id)
      if (found === undefined) throw new AccountUnknown()
      const changed = { ...found.stored, ...change }
      const outcome = await store.put(keys.account(id), sealed(changed), { ifVersion: found.version })
      if (outcome === 'stored') return withoutHash(changed)
    }
  }

  /**
   * The cut-off must not lie before the write: a caller that read the old password in between would count as signed in
   * after it. If the write took longer than its second, the change is made again. Nodes whose clocks differ may
   * disagree about a sign-in during that second. Such a sign-in is listed and removed.
   */
  async function endAccess(id: string, change: Partial<StoredAccount> = {}): Promise<Account> {
    for (;;) {
      const accessEndedAt = epochSeconds(clock)
      const account = await update(id, { ...change, accessEndedAt })
      if (epochSeconds(clock) === accessEndedAt) return account
    }
  }
}
