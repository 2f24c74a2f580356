/** An account as it is stored: one sealed record, which holds the hash of its password too. */

import type { Sealer } from '../base/sealing.ts'
import { keys } from '../store/keys.ts'
import type { Key, Store } from '../store/store.ts'
import type { Account } from './account.ts'

export interface StoredAccount extends Account {
  readonly passwordHash: string
}

export interface Versioned {
  readonly stored: StoredAccount
  readonly version: number
}

export interface AccountRecords {
  readonly read: (id: string) => Promise<Versioned | undefined>
  /** Every request reads the record, so a change takes effect at once. An unchanged record is not unsealed again. */
  readonly opened: (value: string, key: Key) => StoredAccount
  readonly sealed: (account: StoredAccount) => string
}

const ID = /^usr_[\w-]{22}$/

// Accounts of people who return within minutes. Each takes about a kilobyte.
const MOST_UNSEALED = 1000

export function createAccountRecords({ store, sealer }: { store: Pick<Store, 'get'>; sealer: Sealer }): AccountRecords {
  const unsealed = new Map<Key, { readonly value: string; readonly stored: StoredAccount }>()

  function opened(value: string, key: Key): StoredAccount {
    const known = unsealed.get(key)
    if (known?.value === value) return known.stored
    const stored = JSON.parse(sealer.open(value, key)) as StoredAccount
    if (unsealed.size >= MOST_UNSEALED) unsealed.delete(unsealed.keys().next().value as Key)
    unsealed.set(key, { value, stored })
    return stored
  }

  return {
    opened,
    sealed: (account) => sealer.seal(JSON.stringify(account), keys.account(account.id)),

    async read(id) {
      if (!ID.test(id)) return undefined
      const key = keys.account(id)
      const entry = await store.get(key)
      return entry && { stored: opened(entry.value, key), version: entry.version }
    },
  }
}

export function withoutHash({ passwordHash: _secret, ...account }: StoredAccount): Account {
  return account
}
