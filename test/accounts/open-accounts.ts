/** The parts that signing in needs, put together as app.ts does, over an embedded store of the test's own. */

import { randomBytes } from 'node:crypto'

import type { Account } from '../../src/accounts/accounts.ts'
import { type Audit, type AuditRecord, createAudit } from '../../src/audit/audit.ts'
import { createLog } from '../../src/audit/log.ts'
import { createSealer, type Sealer } from '../../src/base/sealing.ts'
import type { LoginRules } from '../../src/config/config.ts'
import { createSignIn, type SignIn } from '../../src/core.ts'
import { keys } from '../../src/store/keys.ts'
import type { Store } from '../../src/store/store.ts'
import { openTestStores } from '../support/embedded-store.ts'
import { type MovableClock, movableClock } from '../support/movable-clock.ts'

export interface AccountsFixture extends SignIn {
  readonly clock: MovableClock
  readonly store: Store
  readonly sealer: Sealer
  readonly audit: Audit
  /** The audit trail so far. */
  readonly trail: () => Promise<AuditRecord[]>
}

const RULES: LoginRules = {
  attemptsPerAccount: 5,
  attemptsPerAddress: 1000,
  attemptsPerNetwork: 10_000,
  windowSeconds: 900,
  concurrentHashes: 2,
  waitingHashes: 200,
}

export const STORE_KEY = Buffer.alloc(32, 3)

export const ALICE = { login: 'alice@example.com', password: 'wonderland-2026', claims: { name: 'Alice' } }

export async function openAccounts(rules: Partial<LoginRules> = {}): Promise<AccountsFixture> {
  const [fixture] = await openNodes(1, rules)
  return fixture as AccountsFixture
}

/** So many nodes of one server: a store of each on one file, one root key, one clock. */
export async function openNodes(count: number, rules: Partial<LoginRules> = {}): Promise<AccountsFixture[]> {
  const clock = movableClock()
  const sealer = createSealer(randomBytes(32), 'store')
  return (await openTestStores(clock, count)).map((store) => accountsOver(store, clock, sealer, rules))
}

export function accountsOver(
  store: Store,
  clock: MovableClock,
  sealer: Sealer,
  changes: Partial<LoginRules> = {},
): AccountsFixture {
  const rules = { ...RULES, ...changes }
  const audit = createAudit({ store, clock, log: createLog({ level: 'silent' }) })
  const signIn = createSignIn({ store, clock, audit, sealer, storeKey: STORE_KEY, rules, monotonic: clock })

  async function trail(): Promise<AuditRecord[]> {
    await audit.settled()
    return (await audit.read(undefined, 1000)).map((entry) => entry.record)
  }
  return { ...signIn, clock, store, sealer, audit, trail }
}

/** Every account there is. */
export async function everyAccount({ accounts }: AccountsFixture): Promise<Account[]> {
  const found: Account[] = []
  let cursor: string | undefined
  do {
    const page = await accounts.listAccounts(cursor === undefined ? { limit: 2 } : { limit: 2, cursor })
    found.push(...page.accounts)
    cursor = page.cursor
  } while (cursor !== undefined)
  return found
}

/** What is kept of an account's password; nothing but its record tells. */
export async function hashOf({ store, sealer }: AccountsFixture, id: string): Promise<string> {
  const entry = await store.get(keys.account(id))
  return JSON.parse(sealer.open(entry?.value ?? '', keys.account(id))).passwordHash
}

/** As if the account had been made when hashes were made otherwise. */
export async function setHash({ store, sealer }: AccountsFixture, id: string, passwordHash: string): Promise<void> {
  const key = keys.account(id)
  const entry = await store.get(key)
  const account = JSON.parse(sealer.open(entry?.value ?? '', key))
  await store.put(key, sealer.seal(JSON.stringify({ ...account, passwordHash }), key))
}
