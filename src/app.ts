/** The server: the core, an engine, HTTP and jobs, put together for one node. Only this file and core.ts know every part. */

import { createDemoAccounts } from './accounts/demo-accounts.ts'
import type { Log } from './audit/log.ts'
import { type Clock, monotonicClock, systemClock } from './base/clock.ts'
import type { Config } from './config/config.ts'
import { type Core, openCore } from './core.ts'
import { openEngine } from './engine/open.ts'
import { spareTraces } from './engine/request/errors.ts'
import { openOperatorPort } from './http/ops/ops.ts'
import type { Supervisor } from './http/ops/readiness.ts'
import { createStop } from './http/ops/stop.ts'
import { loadViews } from './http/pages/views.ts'
import { serve } from './http/serve.ts'
import { createEnginePages } from './http/sign-in/engine-pages.ts'
import { awaitStore } from './jobs/await-store.ts'
import { startPushing } from './jobs/push.ts'
import { startRotation } from './jobs/rotation.ts'
import { startStoreWatch } from './jobs/store-watch.ts'
import { createFileOfServer } from './registration/apply-file.ts'
import type { Declarations } from './registration/differences.ts'
import { settleChange } from './revocation/store-change.ts'
import { GuardedStore } from './store/identity/guarded-store.ts'
import { openSeenFile, type SeenFileContent } from './store/identity/seen-file.ts'
import type { StoreChange, StoreLoss } from './store/identity/store-loss.ts'
import { openStore } from './store/open-store.ts'

export interface App extends Omit<Core, 'close'> {
  /** Where the public listener is bound, which need not be the issuer. */
  readonly url: string
  readonly opsUrl: string
  /** Brings the store in line with what the file declares now. Throws `ConfigInvalid`, `StoreUnavailable`. */
  reload(declared: Declarations): Promise<void>
  /**
   * Resolves when the store is not the one that was opened any more. Close this node then and start another one `after`
   * it.
   */
  readonly lost: Promise<LostStore>
  /**
   * Becomes unready at once and serves on for the delay of the settings, so that balancers notice. Then it refuses new
   * work, finishes what is under way, and closes the store. A second call cuts the delay short.
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
  /**
   * Set when this is one process of several: it shares the public port and reports its readiness to a supervisor, which
   * has the operator's port.
   */
  readonly supervisor?: Supervisor
  /** The store that an earlier node of this process lost. Everything it ended is ended here too. */
  readonly after?: LostStore | undefined
}

/** Starts one node. Resolves when it listens and is ready; throws the `Fault` that stops it. */
export async function startApp(config: Config, options: AppOptions): Promise<App> {
  const { log, clock = systemClock, supervisor, after } = options
  if (options.ownsProcess === true) spareTraces()
  const store = new GuardedStore(await openStore(config, clock), { clock })
  const operatorPort = await openOperatorPort({ config, status: () => store.status(), supervisor, log })
  const seenFile = openSeenFile(config.dataDir)
  // The store writes a mark until it is closed, so the file of the marks is settled after it.
  const closings: (() => Promise<void> | void)[] = [
    () => seenFile.settled(),
    () => store.close(),
    () => operatorPort.close(),
  ]
  // What began last ends first: a rotation under way still needs the signer.
  const close = async () => {
    for (const each of closings.toReversed()) await each()
  }

  try {
    await awaitStore(store, log)
    closings.push(startStoreWatch({ store, log, monotonic: monotonicClock }))
    const seen = after ? { ...after.seen, keyIds: after.keyIds } : seenFile.read()
    const change = await store.identify(seen)

    const core = await openCore(config, { store, clock, log })
    closings.push(() => core.close())
    await settle(core, change, seen)
    const keyIds = () => core.keyring.current().keys.map(({ keyId }) => keyId)
    store.onMark((mark) => seenFile.write({ ...mark, keyIds: keyIds() }))

    const views = loadViews(config.branding)
    const engine = await openEngine(core, createEnginePages(views))
    closings.push(() => engine.close())
    const file = createFileOfServer({
      ...{ ...core, allowDelete: config.allowDelete },
      refusalOf: (client) => engine.current.engine().refusalOf(client),
    })
    await file.apply(config)
    await engine.settled()
    store.onLapse(() => {
      core.registry.registryLog.forgetAll()
      Promise.all([core.revocation.endLostAgain(), file.repair()]).catch((err: unknown) =>
        log.event('store_repair_failed', { err }),
      )
    })
    closings.push(startRotation({ keyring: core.keyring, log, everyMs: ROTATION_LOOK_MS }))
    closings.push(startPushing({ ...core, endpoints: config.receivers }))

    await store.watch()
    const listener = await serve(core, { current: engine.current, views, sharesPort: supervisor !== undefined })
    closings.push(() => listener.close())
    operatorPort.nowListening()
    return {
      ...core,
      url: listener.url,
      opsUrl: operatorPort.url,
      reload: (declared) => file.apply(declared),
      lost: store.lost.then((loss) => ({ ...loss, keyIds: keyIds() })),
      close: createStop({
        leave() {
          operatorPort.nowStopping()
          if (config.stopDelaySeconds > 0) listener.leave()
        },
        delayMs: config.stopDelaySeconds * 1000,
        close,
      }),
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Before anything is issued: ends what the store cannot know of, and makes what is missing. */
async function settle(core: Core, change: StoreChange | undefined, seen: SeenFileContent | undefined): Promise<void> {
  const { config, accounts } = core
  await settleChange(change, { ...core, knownKeyIds: seen?.keyIds ?? [] })
  await createDemoAccounts(accounts, config)
}

const ROTATION_LOOK_MS = 1000
