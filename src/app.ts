/**
 * The composition root: the only file that knows every concrete part, and hands each what it needs.
 *
 * Read from top to bottom it is the house from the ground up.
 */

import { type AccountAccess, createAccountAccess } from './revocation/account-access.ts'
import { createConsents } from './grants/consents.ts'
import { keepSecondsFor, openRevocationLog } from './revocation/revocation-log.ts'
import { createHoldings } from './grants/account-grants.ts'
import { endGoneClients } from './revocation/known-clients.ts'
import { openEndedMarks } from './grants/not-before.ts'
import { createRevocation, type Revocation } from './revocation/revoke.ts'
import { createSetReceivers } from './revocation/security-events/receivers.ts'
import { createSetSigner } from './revocation/security-events/signer.ts'
import { settleChange } from './revocation/store-change.ts'
import { type Accounts, createAccounts } from './accounts/accounts.ts'
import { createKnownDevices } from './accounts/known-devices.ts'
import { createLogins } from './accounts/logins.ts'
import { createPasswords } from './accounts/passwords.ts'
import { createApis } from './apis/apis.ts'
import { type Audit, createAudit } from './audit/audit.ts'
import type { Log } from './audit/log.ts'
import { type Clock, monotonicClock, systemClock } from './base/clock.ts'
import { AccountExists } from './base/faults.ts'
import { createSealer } from './base/sealing.ts'
import { accountClient } from './clients/account-client.ts'
import { createClients } from './clients/clients.ts'
import { createSubjectOf } from './clients/subjects.ts'
import type { Config } from './config/config.ts'
import { createDispatch } from './http/dispatch.ts'
import { boundsFor } from './http/listener/connections.ts'
import { fileLimit } from './http/listener/file-limit.ts'
import { type Listener, listen } from './http/listener/listen.ts'
import { listenForOperator } from './http/ops/ops.ts'
import { loadAssets } from './http/pages/assets.ts'
import { createEnginePages } from './http/sign-in/engine-pages.ts'
import { createPages } from './http/pages/pages.ts'
import { createRenderer } from './http/pages/render.ts'
import { type Progress, readinessOf, type Supervisor, tellReadiness } from './http/ops/readiness.ts'
import { createTrust } from './http/request-facts.ts'
import { createRevocations, type Revocations } from './http/feed/routes.ts'
import { createStop } from './http/ops/stop.ts'
import { startPushing } from './jobs/push.ts'
import { startRotation } from './jobs/rotation.ts'
import { startStoreAdvice } from './jobs/store-advice.ts'
import { type Keyring, type LiveKeyring, openKeyring } from './keyring/keyring.ts'
import { openSigner } from './keyring/external-signer/open.ts'
import { obtainRootKeys } from './keyring/root-key.ts'
import { scheduleOf } from './keyring/ring/schedule.ts'
import { createVerifiers, heldByAll, verifierTtlSeconds } from './keyring/verifiers.ts'
import { createFailures } from './limits/failures.ts'
import { createLimiter } from './limits/limiter.ts'
import { createStrangerRecords } from './limits/stranger-records.ts'
import { createTally } from './limits/tally.ts'
import { createClientFailures } from './engine/request/client-failures.ts'
import type { BrowserSessions } from './engine/interactions/browser-sessions.ts'
import { buildEngine } from './engine/build.ts'
import { createCurrentEngine, type CurrentEngine } from './engine/current.ts'
import { spareTraces } from './engine/request/errors.ts'
import { followRing } from './engine/follow-ring.ts'
import type { Interactions } from './engine/interactions/interactions.ts'
import { GuardedStore } from './store/identity/guarded-store.ts'
import { openSeenFile } from './store/identity/seen-file.ts'
import { openStore } from './store/open-store.ts'
import type { StoreLoss } from './store/identity/store-loss.ts'
import type { Store } from './store/store.ts'

export interface App {
  /** Where the public listener is bound, which need not be the issuer. */
  readonly url: string
  readonly opsUrl: string
  readonly store: Store
  readonly accounts: Accounts
  readonly accountAccess: AccountAccess
  readonly audit: Audit
  readonly keyring: LiveKeyring
  /** The door by which access ends. */
  readonly revocation: Revocation
  /** Resolves when the store is no longer the one that was opened: close this node and start another, `after` it. */
  readonly lost: Promise<LostStore>
  /**
   * Is unready at once and goes on serving for the delay of the settings, so that balancers notice. Then it refuses new
   * work, finishes what is under way, and lets go of the store. Called again it cuts the delay short.
   */
  close(): Promise<void>
}

/** What a node knew of the store that it lost. */
export interface LostStore extends StoreLoss {
  /** The keys that its ring had. */
  readonly keyIds: readonly string[]
}

export interface AppOptions {
  readonly log: Log
  readonly clock?: Clock
  /** The process is the server's own, so that what makes it faster may be changed for all of it. */
  readonly ownsProcess?: boolean
  /** One process of several: it shares the public port, and tells a supervisor, who has the operator's, how it is. */
  readonly supervisor?: Supervisor
  /** What an earlier node of this process lost: nothing that ended there counts here. */
  readonly after?: LostStore | undefined
}

/** Starts one node. Resolves when it listens and is ready; throws the `Fault` that stops it. */
export async function startApp(
  config: Config,
  { log, clock = systemClock, supervisor, ownsProcess, after }: AppOptions,
): Promise<App> {
  if (ownsProcess === true) spareTraces()
  const store = new GuardedStore(await openStore(config, clock), { clock })
  const progress: Progress = { isListening: false, isStopping: false }
  const readiness = () => readinessOf(progress, store.status())
  const stops: (() => Promise<void> | void)[] = []
  const ops =
    supervisor === undefined
      ? await listenForOperator({ host: config.opsHost, port: config.opsPort, readiness, log })
      : tellReadiness(readiness, supervisor)

  async function close(publicListener?: Listener, revocations?: Revocations): Promise<void> {
    revocations?.close()
    await publicListener?.close()
    // What began last ends first: a rotation under way still needs the signer.
    for (const stop of stops.toReversed()) await stop()
    await ops.close()
    await audit.settled()
    await store.close()
  }

  const audit = createAudit({ store, clock, log, keepSeconds: config.lifetimes.auditSeconds })
  try {
    await untilReady(store, log)
    stops.push(startStoreAdvice({ store, log }))
    const seenFile = openSeenFile(config.dataDir)
    const seen = after ? { ...after.seen, keyIds: after.keyIds } : seenFile.read()
    const change = await store.identify(seen)
    const verifiers = createVerifiers({ store, clock, ttlSeconds: verifierTtlSeconds(config.keys) })
    const signer = openSigner(config, log)
    stops.push(() => signer?.close())
    const keyring = await openKeyring({
      ...{ store, clock, audit, schedule: scheduleOf(config), isHeld: heldByAll(verifiers) },
      endKey: (keyId, keepSeconds) => revocation.endKey(keyId, keepSeconds),
      rootKeys: () => obtainRootKeys(config),
      algorithms: config.apis.map(({ algorithm }) => algorithm),
      ...{ signer, newKeysHere: config.signer?.newKeys === false },
    })
    const keepSeconds = () => keepSecondsFor(keyring.current().longestTokenSeconds)
    const revocationLog = await openRevocationLog({ store, clock, keepSeconds })
    stops.push(() => revocationLog.close())
    const endedMarks = await openEndedMarks({ store, revocationLog })
    const holdings = createHoldings({ store, endedMarks })
    const clients = createClients([...config.clients, accountClient(config.issuer)])
    const subjectOf = createSubjectOf(clients, () => keyring.current().pairwiseSalt)
    const revocation = createRevocation({ store, clock, audit, revocationLog, endedMarks, holdings, subjectOf })
    await settleChange(change, { store, revocation, audit, keyring, knownKeyIds: seen?.keyIds ?? [] })
    store.onMark((mark) => seenFile.write({ ...mark, keyIds: keyIdsOf(keyring) }))
    stops.push(() => seenFile.settled())
    store.onLapse(() => {
      revocation
        .endLostAgain()
        .catch((err: unknown) => log.error({ err }, 'lost revocations could not be written again'))
    })
    await endGoneClients({ store, revocation, clientIds: config.clients.map(({ clientId }) => clientId) })
    const { storeKey, csrfKey } = keyring.current()
    const sealer = createSealer(storeKey, 'store')
    const apis = createApis(config.apis, config.defaultApi)
    const passwords = createPasswords({
      concurrent: config.logins.concurrentHashes,
      waiting: config.logins.waitingHashes,
    })
    const accounts = createAccounts({ store, sealer, clock, passwords, audit, storeKey })
    await seed(accounts, config)
    const limiter = createLimiter({ store, clock, storeKey })
    const tally = createTally({ clock: monotonicClock })
    const failures = createFailures({ clock: monotonicClock, ...config.clientAuthentication })
    const clientFailures = createClientFailures({ failures, tally, audit })
    const devices = createKnownDevices({ clock, storeKey })
    const logins = createLogins({ accounts, passwords, devices, limiter, tally, audit, rules: config.logins })
    const strangers = createStrangerRecords({ store, windowSeconds: config.lifetimes.interactionSeconds })
    const consents = createConsents({ store, clock, endedMarks, ttlSeconds: config.lifetimes.consentSeconds })

    const assets = loadAssets()
    const renderer = createRenderer(assets)
    const { issuer, lifetimes, dpop, shortcuts, production } = config
    const pagesOfEngine = createEnginePages({ renderer, log })
    const engineParts = {
      ...{ issuer, lifetimes, dpop, shortcuts, store, sealer, clock, signer, clients, apis, accounts, consents },
      ...{ revocation, revocationLog, pages: pagesOfEngine, strangers, clientFailures, audit, log },
    }
    const build = (ring: Keyring) => buildEngine({ ...engineParts, keyring: ring })
    const current = createCurrentEngine(await build(keyring.current()))
    stops.push(followRing({ keyring, current, build, log }), startRotation({ keyring, log, everyMs: ROTATION_LOOK_MS }))

    let selfUrl = ''
    const pages = createPages({
      ...{ issuer, production, lifetimes, logins, accounts, audit, log, assets, renderer, csrfKey },
      interactions: ofCurrent(current),
      account: { sessions: sessionsOf(current), clients, apis, consents, revocation },
      ...developmentPages(config, () => selfUrl),
    })
    const { trustProxy, keys } = config
    const maxAgeSeconds = keys.maxAgeSeconds
    const sign = createSetSigner({ keyring, signer })
    const receivers = createSetReceivers({ issuer, store, revocationLog, sign })
    const revocations = createRevocations({
      ...{ issuer, current, revocationLog, receivers, pushes: config.receivers.length > 0, store, clock, log },
    })
    stops.push(startPushing({ endpoints: config.receivers, receivers, revocationLog, store, log }))
    const dispatch = createDispatch({
      ...{ issuer, trustProxy, current, pages, revocations, store, verifiers, maxAgeSeconds, log },
    })
    await store.watch()
    const listener = await listen(dispatch, {
      ...{ host: config.host, port: config.port, sharesPort: supervisor !== undefined },
      bounds: boundsFor(fileLimit(), createTrust(trustProxy)),
      onFull: (held) => log.warn({ event: 'connections_full', held }, CONNECTIONS_FULL),
    })
    selfUrl = listener.url
    progress.isListening = true
    ops.tell()
    return {
      url: listener.url,
      opsUrl: ops.url ?? `http://${config.opsHost}:${config.opsPort}`,
      store,
      accounts,
      accountAccess: createAccountAccess({ accounts, revocation }),
      audit,
      keyring,
      revocation,
      lost: store.lost.then((loss) => ({ ...loss, keyIds: keyIdsOf(keyring) })),
      close: createStop({
        leave() {
          progress.isStopping = true
          if (config.stopDelaySeconds > 0) listener.leave()
        },
        delayMs: config.stopDelaySeconds * 1000,
        close: () => close(listener, revocations),
      }),
    }
  } catch (error) {
    await close()
    throw error
  }
}

const CONNECTIONS_FULL =
  'Connections are closed to make room for new ones. If these are good clients, raise the limit of open files (ulimit -n) or add servers.'
const ROTATION_LOOK_MS = 1000
const WAIT_MS = 100
const SAY_EVERY = 50

/** A node whose store is away, or configured so that it may lose what it was given, waits and says so. */
async function untilReady(store: GuardedStore, log: Log): Promise<void> {
  for (let round = 0; await store.mustWait(); round++) {
    if (round % SAY_EVERY === SAY_EVERY - 1) log.warn({ problem: store.status().problem }, 'waiting for the store')
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS))
  }
}

function keyIdsOf(keyring: LiveKeyring): string[] {
  return keyring.current().keys.map(({ keyId }) => keyId)
}

async function seed(accounts: Accounts, { demoAccounts }: Config): Promise<void> {
  for (const account of demoAccounts) {
    if ((await accounts.findAccountByLogin(account.login)) !== undefined) continue
    try {
      await accounts.createAccount(account)
    } catch (error) {
      // Another node that starts now was first.
      if (!(error instanceof AccountExists)) throw error
    }
  }
}

/** The pages outlive an engine: they ask whichever is in use. */
function ofCurrent(current: CurrentEngine): Interactions {
  return {
    find: (req, res) => current.engine().interactions.find(req, res),
    finishLogin: (...login) => current.engine().interactions.finishLogin(...login),
    finishConsent: (req, res) => current.engine().interactions.finishConsent(req, res),
    abort: (req, res) => current.engine().interactions.abort(req, res),
  }
}

function sessionsOf(current: CurrentEngine): BrowserSessions {
  return { find: (req, res) => current.engine().sessions.find(req, res) }
}

const TOUR_CLIENT = 'grantor-tour'

function developmentPages({ production, demoAccounts, clients }: Config, selfUrl: () => string) {
  if (production) return {}
  const [account] = demoAccounts
  return {
    ...(account === undefined ? {} : { demo: { login: account.login, password: account.password } }),
    ...(clients.some(({ clientId }) => clientId === TOUR_CLIENT) ? { tour: { selfUrl } } : {}),
  }
}
