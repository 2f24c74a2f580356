/**
 * The people who can sign in.
 *
 * An account is one sealed record. It is found by its id, or by its login through a second entry that holds the id. The
 * hash of the password is part of the record and never leaves accounts/. How a record is changed: account-writes.ts.
 */

import type { Audit } from '../audit/audit.ts'
import { type Clock, epochSeconds } from '../base/clock.ts'
import { AccountUnknown } from '../faults/accounts.ts'
import { LoginsBusy } from '../faults/sign-in.ts'
import { randomId } from '../base/ids.ts'
import { createKeyedHash } from '../base/keyed-hash.ts'
import type { Sealer } from '../base/sealing.ts'
import type { AccountClaims } from '../config/config.ts'
import { keys } from '../store/keys.ts'
import type { Store } from '../store/store.ts'
import type { Account } from './account.ts'
import {
  type AccountRecords,
  createAccountRecords,
  type StoredAccount,
  type Versioned,
  withoutHash,
} from './account-records.ts'
import { createAccountWrites } from './account-writes.ts'
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
  /** The cursor for the next call; absent on the last page. */
  readonly cursor?: string
}

/** The result of a password check. `account` is set when an account has that login. */
export type PasswordCheck =
  | { readonly outcome: 'right'; readonly account: Account }
  | { readonly outcome: 'unknown' | 'wrong' | 'disabled'; readonly account: Account | undefined }

export interface Accounts {
  findAccount(id: string): Promise<Account | undefined>
  /** The account, unless it is disabled or its access ended at or after this sign-in (epoch seconds). */
  findSignedIn(id: string, signedInAt: number | undefined): Promise<Account | undefined>
  findAccountByLogin(login: string): Promise<Account | undefined>
  /** Throws `LoginRefused`, `PasswordRefused`, `AccountExists`, `LoginsBusy`. */
  createAccount(account: NewAccount): Promise<Account>
  /** In no particular order, `limit` at a time (100 unless set). */
  listAccounts(page?: { cursor?: string; limit?: number }): Promise<AccountPage>
  /**
   * These three, and `endAccess`, refuse every earlier sign-in from the same write on. revocation/account-access.ts
   * ends the entries, grants and sessions; always call it there. Each throws `AccountUnknown`.
   */
  disable(id: string): Promise<Account>
  /** Also throws `PasswordRefused`, `LoginsBusy`. */
  setPassword(id: string, password: string): Promise<Account>
  endAccess(id: string): Promise<Account>
  /** Removes an account whose access has ended. Its login is free again. */
  remove(id: string): Promise<void>
  enable(id: string): Promise<Account>
  /** Resets the counts of wrong passwords on the account's known devices. The other counts are in logins.ts. */
  unlock(id: string): Promise<Account>
  /**
   * Checks a password. Always takes exactly one argon2 verification and two reads, whether the account exists or not.
   * Hashes a correct password again if its parameters are outdated. Throws `LoginsBusy`, and `PasswordRefused` for a
   * text that cannot be hashed. `caller` is the group that waits in the queue of hashes.
   */
  checkPassword(login: string, password: string, caller?: HashCaller): Promise<PasswordCheck>
}

export interface AccountsOptions {
  readonly store: Store
  readonly sealer: Sealer
  readonly clock: Clock
  readonly passwords: Passwords
  readonly audit: Audit
  /** From the ring. Hides logins in the names of entries. */
  readonly storeKey: Uint8Array
}

// An account to which no login leads. It is read when there is no account, so that both cases take the same time.
const NO_ACCOUNT = `usr_${'A'.repeat(22)}`

const PAGE = 100

export function createAccounts({ store, sealer, clock, passwords, audit, storeKey }: AccountsOptions): Accounts {
  const hashLogin = createKeyedHash(storeKey, 'logins')
  const loginKey = (login: string) => keys.login(hashLogin(canonicalLogin(login)))
  const records = createAccountRecords({ store, sealer })
  const { read } = records
  const { add, update, endAccess } = createAccountWrites({ store, clock, records, loginKey })

  async function readByLogin(login: string): Promise<Versioned | undefined> {
    const entry = await store.get(loginKey(login))
    return read(entry?.value ?? NO_ACCOUNT)
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
        return entry === undefined ? [] : [withoutHash(records.opened(entry.value, key))]
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
      // Removes the login while the record exists: after an interruption the account is found and removed again.
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

    checkPassword: createPasswordCheck({ store, passwords, records, readByLogin }),
  }
}

interface PasswordCheckParts extends Pick<AccountsOptions, 'store' | 'passwords'> {
  readonly records: AccountRecords
  readonly readByLogin: (login: string) => Promise<Versioned | undefined>
}

function createPasswordCheck({ store, passwords, records, readByLogin }: PasswordCheckParts) {
  return async function checkPassword(login: string, password: string, caller?: HashCaller): Promise<PasswordCheck> {
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
  }

  /** Stores over exactly the hash that was verified, so a password that was set meanwhile stays. */
  async function renewHash({ stored, version }: Versioned, password: string, caller?: HashCaller): Promise<void> {
    try {
      const renewed = { ...stored, passwordHash: await passwords.hash(password, caller) }
      await store.put(keys.account(stored.id), records.sealed(renewed), { ifVersion: version })
    } catch (error) {
      // The next sign-in does it: a correct password is never refused because the queue is full.
      if (!(error instanceof LoginsBusy)) throw error
    }
  }
}
