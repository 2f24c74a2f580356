/**
 * The people who can sign in.
 *
 * An account is one sealed record, found by its id, and by its login through a second entry that holds the id. The hash
 * of the password is part of the record and never leaves this file. A change is made to what was read or not at all,
 * so two changes at once never lose one.
 */

import type { Audit } from '../audit/audit.ts'
import { type Clock, epochSeconds } from '../base/clock.ts'
import { AccountExists, AccountUnknown } from '../faults/accounts.ts'
import { LoginsBusy } from '../faults/sign-in.ts'
import { StoreUnavailable } from '../faults/store.ts'
import { randomId } from '../base/ids.ts'
import { createKeyedHash } from '../base/keyed-hash.ts'
import type { Sealer } from '../base/sealing.ts'
import type { AccountClaims } from '../config/config.ts'
import { keys } from '../store/keys.ts'
import type { Store } from '../store/store.ts'
import type { Account } from './account.ts'
import { createAccountRecords, type StoredAccount, type Versioned } from './account-records.ts'
import type { HashCaller } from './hash-queue.ts'
import { canonicalLogin, checkLoginName } from './login-name.ts'
import type { Passwords } from './passwords.ts'

export type { Account }

interface NewAccount {
  readonly login: string
  readonly password: string
  readonly claims: AccountClaims
}

interface AccountPage {
  readonly accounts: readonly Account[]
  /** Give it to the next call; absent on the last page. */
  readonly cursor?: string
}

/** What came of a password check; `account` where there is one of that login. */
export type PasswordCheck =
  | { readonly outcome: 'right'; readonly account: Account }
  | { readonly outcome: 'unknown' | 'wrong' | 'disabled'; readonly account: Account | undefined }

export interface Accounts {
  findAccount(id: string): Promise<Account | undefined>
  /** Unless it is disabled, or its access ended at or after this sign-in (epoch seconds). */
  findSignedIn(id: string, signedInAt: number | undefined): Promise<Account | undefined>
  findAccountByLogin(login: string): Promise<Account | undefined>
  /** Throws `LoginRefused`, `PasswordRefused`, `AccountExists`, `LoginsBusy`. */
  createAccount(account: NewAccount): Promise<Account>
  /** In no order, `limit` (100 unless set) at a time. */
  listAccounts(page?: { cursor?: string; limit?: number }): Promise<AccountPage>
  /**
   * These three, and `endAccess`, refuse every earlier sign-in from the same write on; the entries, grants and sessions
   * are ended by revocation/account-access.ts, which nobody goes past. Each throws `AccountUnknown`.
   */
  disable(id: string): Promise<Account>
  /** Also throws `PasswordRefused`, `LoginsBusy`. */
  setPassword(id: string, password: string): Promise<Account>
  endAccess(id: string): Promise<Account>
  /** Forgets an account whose access has ended; its login is free again. */
  remove(id: string): Promise<void>
  enable(id: string): Promise<Account>
  /** Starts the counts of wrong passwords of its known devices again from zero (logins.ts knows of the others). */
  unlock(id: string): Promise<Account>
  /**
   * Whether this is the password of this login. Always exactly one argon2 verification and two reads, whoever is asked
   * for. A right password of outdated parameters is hashed anew. Throws `LoginsBusy`, and `PasswordRefused` for a text
   * that is not hashable. `caller` says whose place in the queue of hashes it takes.
   */
  checkPassword(login: string, password: string, caller?: HashCaller): Promise<PasswordCheck>
}

export interface AccountsOptions {
  readonly store: Store
  readonly sealer: Sealer
  readonly clock: Clock
  readonly passwords: Passwords
  readonly audit: Audit
  /** Of the ring: hides logins in the names of entries. */
  readonly storeKey: Uint8Array
}

// Time enough for the three puts of a creation. If its process dies between them, what it began is gone after this.
const CREATION_SECONDS = 60

// An account that no login leads to: it is looked for when there is none, so that this takes as long.
const NOBODY = `usr_${'A'.repeat(22)}`

const PAGE = 100

export function createAccounts({ store, sealer, clock, passwords, audit, storeKey }: AccountsOptions): Accounts {
  const hashLogin = createKeyedHash(storeKey, 'logins')
  const loginKey = (login: string) => keys.login(hashLogin(canonicalLogin(login)))
  const { read, opened, sealed } = createAccountRecords({ store, sealer })

  async function readByLogin(login: string): Promise<Versioned | undefined> {
    const entry = await store.get(loginKey(login))
    return read(entry?.value ?? NOBODY)
  }

  /** Makes the login lead to the id, unless it leads to a living account. */
  async function claimLogin(login: string, id: string): Promise<boolean> {
    const key = loginKey(login)
    if ((await store.put(key, id, { ifAbsent: true })) === 'stored') return true
    const entry = await store.get(key)
    if (entry === undefined || (await read(entry.value)) !== undefined) return false
    // Its creator died before the account was there to stay: the login is free. Two who see this compete for the version.
    return (await store.put(key, id, { ifVersion: entry.version })) === 'stored'
  }

  /**
   * The record first, for a minute only; then the login, which decides between two who want it; then the record for
   * good. Wherever it stops, nothing stays that keeps the login from the next one.
   */
  async function add(account: StoredAccount): Promise<void> {
    const key = keys.account(account.id)
    await store.put(key, sealed(account), { ttlSeconds: CREATION_SECONDS, ifAbsent: true })
    if (!(await claimLogin(account.login, account.id))) {
      await store.remove([key])
      throw new AccountExists()
    }
    // 'changed' is as good as 'stored': somebody signed in or was disabled meanwhile, and a change is for good.
    if ((await store.put(key, sealed(account), { ifVersion: 1 })) === 'gone') {
      throw new StoreUnavailable({ detail: `the creation of an account took more than ${CREATION_SECONDS} s` })
    }
  }

  /** Puts the change over exactly what it was made from; if somebody else was first, makes it again from theirs. */
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
   * The moment must not lie before the write: whoever read the old password in between would count as signed in after
   * it. So where the write took longer than its second, it is made again. Nodes whose clocks differ may still disagree
   * about a sign-in under way at that moment, and about no other: those are listed and removed.
   */
  async function endAccess(id: string, change: Partial<StoredAccount> = {}): Promise<Account> {
    for (;;) {
      const accessEndedAt = epochSeconds(clock)
      const account = await update(id, { ...change, accessEndedAt })
      if (epochSeconds(clock) === accessEndedAt) return account
    }
  }

  /** Over exactly the hash that was verified, so that a password set meanwhile stays. */
  async function renewHash({ stored, version }: Versioned, password: string, caller?: HashCaller): Promise<void> {
    try {
      const renewed = { ...stored, passwordHash: await passwords.hash(password, caller) }
      await store.put(keys.account(stored.id), sealed(renewed), { ifVersion: version })
    } catch (error) {
      // Next time, then: nobody is kept out because many are signing in.
      if (!(error instanceof LoginsBusy)) throw error
    }
  }

  return {
    async findAccount(id) {
      const found = await read(id)
      return found && withoutHash(found.stored)
    },

    async findSignedIn(id, signedInAt = 0) {
      const found = await read(id)
      if (found === undefined || found.stored.disabled) return undefined
      const { accessEndedAt } = found.stored
      return accessEndedAt !== undefined && signedInAt <= accessEndedAt ? undefined : withoutHash(found.stored)
    },

    async findAccountByLogin(login) {
      const found = await readByLogin(login)
      return found && withoutHash(found.stored)
    },

    async createAccount({ login, password, claims }) {
      checkLoginName(login)
      await passwords.checkRules(password, login)
      const account: StoredAccount = {
        id: `usr_${randomId(16)}`,
        login: login.trim().normalize('NFC'),
        claims,
        disabled: false,
        createdAt: epochSeconds(clock),
        passwordHash: await passwords.hash(password),
      }
      await add(account)
      audit.record('account.created', { subject: account.id })
      return withoutHash(account)
    },

    async listAccounts({ cursor, limit = PAGE } = {}) {
      const page = await store.list('account', cursor === undefined ? { limit } : { cursor, limit })
      const entries = await store.getMany(page.keys)
      const accounts = page.keys.flatMap((key, at) => {
        const entry = entries[at]
        return entry === undefined ? [] : [withoutHash(opened(entry.value, key))]
      })
      return page.cursor === undefined ? { accounts } : { accounts, cursor: page.cursor }
    },

    async disable(id) {
      const account = await endAccess(id, { disabled: true })
      audit.record('account.disabled', { subject: id })
      return account
    },

    async enable(id) {
      const account = await update(id, { disabled: false })
      audit.record('account.enabled', { subject: id })
      return account
    },

    endAccess: (id) => endAccess(id),

    async unlock(id) {
      const account = await update(id, { unlockedAt: epochSeconds(clock) })
      audit.record('account.unlocked', { subject: id })
      return account
    },

    async remove(id) {
      const found = await read(id)
      if (found === undefined) throw new AccountUnknown()
      // The login while the record is there: should this stop in between, the account is found and removed again.
      const key = loginKey(found.stored.login)
      if ((await store.get(key))?.value === id) await store.remove([key])
      await store.remove([keys.account(id)])
      audit.record('account.removed', { subject: id })
    },

    async setPassword(id, password) {
      const found = await read(id)
      if (found === undefined) throw new AccountUnknown()
      await passwords.checkRules(password, found.stored.login)
      const passwordHash = await passwords.hash(password)
      const account = await endAccess(id, { passwordHash })
      audit.record('account.password_changed', { subject: id })
      return account
    },

    async checkPassword(login, password, caller) {
      const found = await readByLogin(login)
      if (found === undefined) {
        await passwords.verifyAgainstNothing(password, caller)
        return { outcome: 'unknown', account: undefined }
      }
      const { stored } = found
      const right = await passwords.verify(stored.passwordHash, password, caller)
      const account = withoutHash(stored)
      if (!right) return { outcome: 'wrong', account }
      if (stored.disabled) return { outcome: 'disabled', account }
      if (passwords.isOutdated(stored.passwordHash)) await renewHash(found, password, caller)
      return { outcome: 'right', account }
    },
  }
}

function withoutHash({ passwordHash: _secret, ...account }: StoredAccount): Account {
  return account
}
