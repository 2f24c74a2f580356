/**
 * The server's entry: config → app → listen → stop on a signal.
 *
 * Most of a start is compiling, so what was compiled is kept and the rest of the server is imported only after Node was
 * told where. It is kept beside the packages it came from: whoever can write there decides what runs anyway.
 */

import cluster from 'node:cluster'
import { once } from 'node:events'
import { enableCompileCache, flushCompileCache } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { Fault, forOperator, WorkersFailed } from './base/faults.ts'
import { giveBackSpareMemory } from './base/spare-memory.ts'
import type { Config } from './config/config.ts'
import { type Environment, environment } from './config/environment.ts'

/** Runs a server until a signal stops it. Throws the `Fault` that stops the start. */
export async function run(env: Environment): Promise<void> {
  enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/grantor', import.meta.url)))
  const { loadConfig } = await import('./config/load-config.ts')
  const config = loadConfig({ env, cwd: process.cwd() })
  if (config.workers > 1 && cluster.isPrimary) await superviseWorkers(config)
  // A worker lives for as long as its channel to the supervisor is open, so it closes that, however it ends.
  else await serve(config).finally(() => cluster.worker?.disconnect())
}

async function serve(config: Config): Promise<void> {
  const [{ startApp }, { createLog }, { banner }] = await Promise.all([
    import('./app.ts'),
    import('./audit/log.ts'),
    import('./http/banner.ts'),
  ])
  const log = createLog({ level: config.logLevel })
  const app = await startApp(config, { log })
  log.info({ issuer: config.issuer, url: app.url, opsUrl: app.opsUrl }, 'listening')
  if (!config.production && (cluster.worker?.id ?? 1) === 1) console.log(banner(config, app))
  cluster.worker?.send('ready')
  flushCompileCache()
  giveBackSpareMemory()
  const signal = await stopSignal()
  log.info({ signal }, 'stopping')
  await app.close()
}

// Without a pause one that cannot start would be tried as fast as processes can be made.
const RETRY_MS = 1000

/** One process a core shares the port; one that dies is replaced, and a signal stops all of them. */
async function superviseWorkers({ workers }: Config): Promise<void> {
  const ready = new Set<number>()
  const refused = Promise.withResolvers<never>()
  let stopping = false
  const fork = () => {
    if (!stopping) cluster.fork()
  }
  cluster.on('message', ({ id }) => ready.add(id))
  cluster.on('exit', ({ id }) => {
    // What keeps the first from starting will keep all of them; one that fails later may have met a passing trouble.
    if (ready.size === 0) refused.reject(new WorkersFailed())
    else setTimeout(fork, ready.has(id) ? 0 : RETRY_MS)
  })
  for (let worker = 0; worker < workers; worker++) fork()
  try {
    await Promise.race([stopSignal(), refused.promise])
  } finally {
    stopping = true
    await stopWorkers()
  }
}

async function stopWorkers(): Promise<void> {
  const living = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
  const ended = living.map(async (worker) => once(worker, 'exit'))
  for (const worker of living) worker.kill('SIGTERM')
  await Promise.all(ended)
}

async function stopSignal(): Promise<string> {
  return Promise.race(['SIGTERM', 'SIGINT'].map((signal) => once(process, signal).then(() => signal)))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  run(environment()).catch((error: unknown) => {
    console.error(error instanceof Fault ? forOperator(error) : error)
    process.exitCode = 1
  })
}
