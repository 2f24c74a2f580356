/**
 * The server's entry: config → app → listen → stop on a signal.
 *
 * Most of a start is compiling, so Node keeps the compiled code, and the rest of the server is imported only after Node
 * knows where. The cache is next to the packages: a user who can write there controls the code in any case.
 */

import cluster from 'node:cluster'
import { enableCompileCache, flushCompileCache } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

import type { App } from './app.ts'
import type { Log } from './audit/log.ts'
import { createLogOutput } from './audit/log-output.ts'
import { Fault } from './faults/fault.ts'
import { forOperator } from './i18n/fault-text.ts'
import { giveBackSpareMemory } from './base/spare-memory.ts'
import type { Config } from './config/config.ts'
import { type Environment, environment } from './config/environment/environment.ts'
import type { Readiness } from './http/ops/readiness.ts'
import { type StopOrders, stopOrders } from './http/workers/stop-orders.ts'

// Longer than any working reader needs.
const FLUSH_MS = 1000

/** Runs a server until a signal stops it. Throws the `Fault` that stops the start. */
export async function run(env: Environment): Promise<void> {
  enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/grantor', import.meta.url)))
  const orders = stopOrders({ isWorker: cluster.isWorker })
  const { loadConfig } = await import('./config/load-config.ts')
  const config = loadConfig({ env, cwd: process.cwd() })
  const { createLog, prettyStdout } = await import('./audit/log.ts')
  const output = createLogOutput({ stream: process.stdout })
  const log = createLog({ level: config.logLevel, destination: prettyStdout() ?? output })
  try {
    if (config.workers > 1 && cluster.isPrimary) await supervise(config, { log, orders })
    // A worker lives for as long as its channel to the supervisor is open, so it closes that, however it ends.
    else await serve(config, { log, orders }).finally(() => cluster.worker?.disconnect())
  } finally {
    // Output that is not read would keep the process alive. There is still time to write the reason to stderr.
    if (!(await output.flushed(FLUSH_MS))) setTimeout(() => process.exit(), 100)
  }
}

interface Surroundings {
  readonly log: Log
  readonly orders: StopOrders
}

async function serve(config: Config, { log, orders }: Surroundings): Promise<void> {
  const [{ startApp }, { banner }] = await Promise.all([import('./app.ts'), import('./http/ops/banner.ts')])
  const { worker } = cluster
  const report = (readiness: Readiness) => void worker?.send({ readiness }, () => undefined)
  const options = { log, ...(worker && { supervisor: { report } }) }
  const first = await Promise.race([startApp(config, options), orders.stop])
  // Told to stop while it waited for its store: there is nothing to finish.
  if (typeof first === 'string') process.exit()
  let app = first
  let settings = config
  onHangup(async () => {
    settings = await readAgain(settings, app, log)
  })
  log.event('listening', { issuer: config.issuer, url: app.url, opsUrl: app.opsUrl })
  if (!config.production && (worker?.id ?? 1) === 1) console.log(banner(config, app))
  flushCompileCache()
  giveBackSpareMemory()
  for (;;) {
    const end = await Promise.race([orders.stop, app.lost])
    if (typeof end === 'string') break
    log.event('store_lost', { problem: end.problem })
    await closeNow(app)
    const ports = { port: portOf(app.url), opsPort: portOf(app.opsUrl) }
    const next = await Promise.race([startApp({ ...settings, ...ports }, { ...options, after: end }), orders.stop])
    if (typeof next === 'string') process.exit()
    app = next
    log.event('listening', { issuer: config.issuer, url: app.url, opsUrl: app.opsUrl })
  }
  const signal = await orders.stop
  log.event('stopping', { signal })
  void orders.hurry.then(() => app.close())
  await app.close()
}

/**
 * SIGHUP: reads the file again. In a terminal SIGHUP means that the terminal was closed, and ends the process as usual.
 * Reads run one after the other and do not block requests.
 */
function onHangup(read: () => Promise<void>): void {
  if (process.stdout.isTTY) return
  let reading = Promise.resolve()
  process.on('SIGHUP', () => {
    reading = reading.then(read)
  })
}

/** The settings with the clients and APIs that the file declares now; as they were where the file is refused. */
async function readAgain(settings: Config, app: App, log: Log): Promise<Config> {
  try {
    const { loadConfig } = await import('./config/load-config.ts')
    const { apis, clients, defaultApi, ...others } = loadConfig({ env: environment(), cwd: process.cwd() })
    await app.reload({ apis, clients, defaultApi })
    const changed = Object.keys(others).filter(
      (name) => !isSame(Reflect.get(others, name), Reflect.get(settings, name)),
    )
    log.event('file_read_again', { needsRestart: changed })
    return { ...settings, apis, clients, defaultApi }
  } catch (err) {
    const { problems } = err as { problems?: readonly string[] }
    log.event('file_refused', { problems, err })
    return settings
  }
}

function isSame(some: unknown, other: unknown): boolean {
  return JSON.stringify(some) === JSON.stringify(other)
}

/** Without the delay for balancers: there is nothing that it could still serve. */
async function closeNow(app: App): Promise<void> {
  await Promise.all([app.close(), app.close()])
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}

async function supervise(config: Config, surroundings: Surroundings): Promise<void> {
  const { superviseWorkers } = await import('./http/workers/supervisor.ts')
  // One worker that reads the file again is enough: all servers follow the store.
  onHangup(async () => void Object.values(cluster.workers ?? {})[0]?.process.kill('SIGHUP'))
  await superviseWorkers({ config, ...surroundings })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  run(environment()).catch((error: unknown) => {
    console.error(error instanceof Fault ? forOperator(error) : error)
    process.exitCode = 1
  })
}
