/**
 * The part of the server that commands work on, opened for one command and closed after it: the same store, the same
 * root key, the same functions as the server's own.
 */

import { type AccountAccess, createAccountAccess } from '../revocation/account-access.ts'
import { openEndedMarks } from '../grants/not-before.ts'
import { createHoldings, type Holdings } from '../grants/account-grants.ts'
import { keepSecondsFor, openRevocationLog } from '../revocation/revocation-log.ts'
import { createRevocation, type Revocation } from '../revocation/revoke.ts'
import { createAccounts, type Accounts } from '../accounts/accounts.ts'
import { createKnownDevices } from '../accounts/known-devices.ts'
import { createLogins, type Logins } from '../accounts/logins.ts'
import { createPasswords } from '../accounts/passwords.ts'
import { type Audit, createAudit } from '../audit/audit.ts'
import { createLog } from '../audit/log.ts'
import { createSealer } from '../base/sealing.ts'
import { createClients } from '../clients/clients.ts'
import { createSubjectOf } from '../clients/subjects.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load-config.ts'
import { type LiveKeyring, openKeyring } from '../keyring/keyring.ts'
import { openSigner } from '../keyring/external-signer/open.ts'
import { obtainRootKeys } from '../keyring/root-key.ts'
import { scheduleOf } from '../keyring/ring/schedule.ts'
import { createVerifiers, type Verifiers, verifierTtlSeconds } from '../keyring/verifiers.ts'
import { openIdentity } from '../store/identity/identity.ts'
import { createLimiter } from '../limits/limiter.ts'
import { createTally } from '../limits/tally.ts'
import { openStore } from '../store/open-store.ts'
import type { Store } from '../store/store.ts'
import type { Terminal } from './terminal/terminal.ts'

export interface Domain {
  readonly config: Config
  readonly accounts: Accounts
  readonly accountAccess: AccountAccess
  readonly logins: Pick<Logins, 'unlock'>
  readonly keyring: LiveKeyring
  readonly verifiers: Verifiers
  readonly audit: Audit
  readonly revocation: Revocation
  readonly holdings: Holdings
  readonly store: Store
}

export function readConfig(terminal: Terminal): Config {
  return loadConfig({ env: terminal.env, cwd: terminal.cwd })
}

export async function withDomain<Result>(
  terminal: Terminal,
  work: (domain: Domain) => Promise<Result>,
): Promise<Result> {
  const config = readConfig(terminal)
  const store = await openStore(config, terminal.clock)
  try {
    await openIdentity(store, terminal.clock)
    return await workOn({ config, store }, terminal, work)
  } finally {
    await store.close()
  }
}

/** The domain on a store that is open already, and stays so. */
export async function workOn<Result>(
  { config, store }: Pick<Domain, 'config' | 'store'>,
  terminal: Terminal,
  work: (domain: Domain) => Promise<Result>,
): Promise<Result> {
  const stops: (() => void)[] = []
  try {
    const domain = await openDomain(config, store, terminal, stops)
    const result = await work(domain)
    await domain.audit.settled()
    return result
  } finally {
    for (const stop of stops) stop()
  }
}

async function openDomain(config: Config, store: Store, terminal: Terminal, stops: (() => void)[]): Promise<Domain> {
  const { clock } = terminal
  const log = createLog({ level: 'error', destination: { write: (line) => terminal.err(line.trimEnd()) } })
  const audit = createAudit({ store, clock, log, keepSeconds: config.lifetimes.auditSeconds })
  // First of all, since it refuses a wrong root key before anything is sealed under it.
  const keyring = await openKeyring({
    store,
    clock,
    audit,
    schedule: scheduleOf(config),
    endKey: (keyId, keepSeconds) => revocation.endKey(keyId, keepSeconds),
    rootKeys: () => obtainRootKeys(config),
    algorithms: config.apis.map((api) => api.algorithm),
    signer: openSigner(config, log),
    newKeysHere: config.signer?.newKeys === false,
  })
  const revocationLog = await openRevocationLog({
    store,
    clock,
    keepSeconds: () => keepSecondsFor(keyring.current().longestTokenSeconds),
  })
  stops.push(() => revocationLog.close())
  const endedMarks = await openEndedMarks({ store, revocationLog })
  const holdings = createHoldings({ store, endedMarks })
  const subjectOf = createSubjectOf(createClients(config.clients), () => keyring.current().pairwiseSalt)
  const revocation = createRevocation({ store, clock, audit, revocationLog, endedMarks, holdings, subjectOf })
  const passwords = createPasswords({ concurrent: 1, waiting: 1 })
  const { storeKey } = keyring.current()
  const sealer = createSealer(storeKey, 'store')
  const accounts = createAccounts({ store, clock, audit, passwords, sealer, storeKey })
  const logins = createLogins({
    ...{ accounts, passwords, audit, rules: config.logins },
    devices: createKnownDevices({ clock, storeKey }),
    limiter: createLimiter({ store, clock, storeKey }),
    tally: createTally({ clock }),
  })
  const verifiers = createVerifiers({ store, clock, ttlSeconds: verifierTtlSeconds(config.keys) })
  const accountAccess = createAccountAccess({ accounts, revocation })
  return { config, accounts, accountAccess, logins, keyring, verifiers, audit, revocation, holdings, store }
}
