/**
 * The domain of one server, opened once for every root: the server itself (app.ts), a command (cli/), the test kit.
 *
 * Each part is made here and handed what it needs; who has the core needs no other maker. Read from top to bottom it goes
 * from the lowest layer to the highest. What only a server does (an engine, HTTP, jobs) is in app.ts.
 */

import { type Accounts, createAccounts } from './accounts/accounts.ts'
import { createKnownDevices } from './accounts/known-devices.ts'
import { createLogins, type Logins } from './accounts/logins.ts'
import { createPasswords, type Passwords } from './accounts/passwords.ts'
import type { LiveApis } from './apis/apis.ts'
import { type Audit, createAudit } from './audit/audit.ts'
import type { Log } from './audit/log.ts'
import { type Clock, monotonicClock } from './base/clock.ts'
import { parseDuration } from './base/duration.ts'
import { createSealer, type Sealer } from './base/sealing.ts'
import type { Clients } from './clients/clients.ts'
import { createSubjectOf } from './clients/subjects.ts'
import type { WebOrigins } from './clients/web-origins.ts'
import type { Config, LoginRules } from './config/config.ts'
import { type AccountGrants, createAccountGrants } from './grants/account-grants.ts'
import { type Consents, createConsents } from './grants/consents.ts'
import { type NotBefore, openNotBefore } from './grants/not-before.ts'
import type { BoundSigner } from './keyring/external-signer/external-signer.ts'
import { openSigner } from './keyring/external-signer/open.ts'
import { type LiveKeyring, openKeyring } from './keyring/keyring.ts'
import { scheduleOf } from './keyring/ring/schedule.ts'
import { obtainRootKeys } from './keyring/root-key.ts'
import { createVerifiers, heldByAll, type Verifiers, verifierTtlSeconds } from './keyring/verifiers.ts'
import { createFailures, createUnknownClients, type Failures } from './limits/failures.ts'
import { createLimiter } from './limits/limiter.ts'
import { createStrangerRecords, type StrangerRecords } from './limits/stranger-records.ts'
import { createTally, type Tally } from './limits/tally.ts'
import { createRegistration, openRegistry, type Registration, type Registry } from './registration/open-registry.ts'
import { ACCESS_TOKEN } from './registry/duration-setting.ts'
import { noFile } from './registry/secrets/secret-file.ts'
import { createWeakHashCheck } from './registry/secrets/weak-secrets.ts'
import { type AccountAccess, createAccountAccess } from './revocation/account-access.ts'
import { keepSecondsFor, openRevocationLog, type RevocationLog } from './revocation/revocation-log.ts'
import { createRevocation, type Revocation } from './revocation/revoke.ts'
import { createEventReceivers, type EventReceivers } from './revocation/security-events/receivers.ts'
import { createEventSigner } from './revocation/security-events/signer.ts'
import type { Store } from './store/store.ts'

export interface Core extends SignIn, Endings {
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  readonly store: Store
  readonly audit: Audit
  /** Holds the keys of the ring whose private part is not in this server. */
  readonly signer: BoundSigner | undefined
  readonly keyring: LiveKeyring
  readonly verifiers: Verifiers
  readonly sealer: Sealer
  readonly clients: Clients
  readonly apis: LiveApis
  readonly webOrigins: WebOrigins
  readonly registry: Registry
  /** How clients and APIs change. */
  readonly registration: Registration
  readonly consents: Consents
  readonly accountAccess: AccountAccess
  /** The receivers of security events, by push and by poll. */
  readonly receivers: EventReceivers
  readonly failures: Failures
  readonly unknownClients: Failures
  readonly strangers: StrangerRecords
  /** Lets go of everything but the store, which stays its opener's. */
  close(): Promise<void>
}

export interface CoreParts {
  /** Open, and known to be the right one. */
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
}

/** Throws `RootKeyWrong`, `SealBroken`, `StoreUnavailable`; nothing is left open then. */
export async function openCore(config: Config, { store, clock, log }: CoreParts): Promise<Core> {
  const { issuer, lifetimes } = config
  const audit = createAudit({ store, clock, log, keepSeconds: lifetimes.auditSeconds })
  const signer = openSigner(config, log)
  const verifiers = createVerifiers({ store, clock, ttlSeconds: verifierTtlSeconds(config.keys) })
  let endings: Endings | undefined
  let registry: Registry | undefined
  async function close(): Promise<void> {
    registry?.close()
    endings?.revocationLog.close()
    signer?.close()
    await audit.settled()
  }

  try {
    // Before anything is sealed under it, since it refuses a wrong root key.
    const keyring = await openKeyring({
      ...{ store, clock, audit, signer, schedule: scheduleOf(config), isHeld: heldByAll(verifiers) },
      endKey: (keyId, keepSeconds) => opened(endings).revocation.endKey(keyId, keepSeconds),
      rootKeys: () => obtainRootKeys(config),
      algorithms: config.apis.map(({ algorithm }) => algorithm),
      liveTokenSeconds: () => registry?.longestTokenSeconds() ?? 0,
      newKeysHere: config.signer?.newKeys === false,
    })
    const { storeKey } = keyring.current()
    const sealer = createSealer(storeKey, 'store')
    registry = await openRegistry({ store, sealer, clock, issuer })
    const { clients, apis, webOrigins } = registry
    endings = await openEndings({
      ...{ store, clock, audit },
      keepSeconds: () => keepSecondsFor(keyring.current().longestTokenSeconds),
      longestSeconds: Math.max(parseDuration(ACCESS_TOKEN.longest) ?? 0, ...Object.values(lifetimes)),
      subjectOf: createSubjectOf(clients, () => keyring.current().pairwiseSalt),
    })
    const { revocation, revocationLog, notBefore } = endings
    const around = { ...config, isWeakHash: createWeakHashCheck(), readFile: noFile }
    const signIn = createSignIn({ store, clock, audit, sealer, storeKey, rules: config.logins })
    return {
      ...{ config, clock, log, store, audit, signer, keyring, verifiers, sealer, clients, apis, webOrigins, close },
      registry,
      registration: createRegistration({ registry, revocation, keyring, audit, clock, around }),
      ...endings,
      ...signIn,
      consents: createConsents({ store, clock, notBefore, ttlSeconds: lifetimes.consentSeconds }),
      accountAccess: createAccountAccess({ accounts: signIn.accounts, revocation }),
      receivers: createEventReceivers({ issuer, store, revocationLog, sign: createEventSigner({ keyring, signer }) }),
      failures: createFailures({ clock: monotonicClock, ...config.clientAuthentication }),
      unknownClients: createUnknownClients({ clock: monotonicClock, ...config.clientAuthentication }),
      strangers: createStrangerRecords({ store, windowSeconds: lifetimes.interactionSeconds }),
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** A key is ended at an operator's or the schedule's word, when all of the core is open. */
function opened(endings: Endings | undefined): Endings {
  if (endings === undefined) throw new TypeError('a key ended before the core was open')
  return endings
}

/** How access ends, and what has ended. */
export interface Endings {
  /** The one function by which access ends. */
  readonly revocation: Revocation
  readonly revocationLog: RevocationLog
  readonly notBefore: NotBefore
  readonly accountGrants: AccountGrants
}

interface EndingsParts {
  readonly store: Store
  readonly clock: Clock
  readonly audit: Audit
  readonly keepSeconds: () => number
  /** The longest life that this server gives a token, a grant or a consent. */
  readonly longestSeconds: number
  /** The `sub` by which a client knows an account. */
  readonly subjectOf: (accountId: string, clientId: string) => Promise<string>
}

export async function openEndings({ keepSeconds, longestSeconds, ...parts }: EndingsParts): Promise<Endings> {
  const { store, clock } = parts
  const revocationLog = await openRevocationLog({ store, clock, keepSeconds })
  const notBefore = await openNotBefore({ store, revocationLog, longestSeconds })
  const accountGrants = createAccountGrants({ store, notBefore })
  const revocation = createRevocation({ ...parts, revocationLog, notBefore, accountGrants })
  return { revocation, revocationLog, notBefore, accountGrants }
}

/** Accounts, and how a person proves to be one. */
export interface SignIn {
  readonly accounts: Accounts
  readonly passwords: Passwords
  readonly logins: Logins
  /** Counts what is alike, so that the audit trail of a flood stays short. */
  readonly tally: Tally
}

interface SignInParts {
  readonly store: Store
  readonly clock: Clock
  readonly audit: Audit
  readonly sealer: Sealer
  readonly storeKey: Uint8Array
  readonly rules: LoginRules
  readonly monotonic?: Clock
}

export function createSignIn(parts: SignInParts): SignIn {
  const { store, clock, audit, sealer, storeKey, rules, monotonic = monotonicClock } = parts
  const passwords = createPasswords({ concurrent: rules.concurrentHashes, waiting: rules.waitingHashes })
  const accounts = createAccounts({ store, sealer, clock, passwords, audit, storeKey })
  const limiter = createLimiter({ store, clock, storeKey })
  const devices = createKnownDevices({ clock, storeKey })
  const tally = createTally({ clock: monotonic })
  const logins = createLogins({ accounts, passwords, devices, limiter, tally, audit, rules })
  return { accounts, passwords, logins, tally }
}
