/** The servers under test: two nodes of two workers each on one store, and the domain of an operator's command on it. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createLog } from '../../src/audit/log.ts'
import { systemClock } from '../../src/base/clock.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { type Core, openCore } from '../../src/core.ts'
import { openStore } from '../../src/store/open-store.ts'
import { startRedis } from '../../test/support/redis.ts'
import { startProcesses } from '../../test/support/server-process.ts'
import { freePort } from '../../test/support/start.ts'
import { startForwarder } from '../kit/forwarder.ts'
import { connectTo, type WorkerConnection } from './worker-connection.ts'

export type StoreName = 'embedded' | 'redis'

export interface ChangedServers {
  readonly issuer: string
  readonly urls: readonly string[]
  /** A connection to each worker of each node; used by one caller. */
  connect(): readonly WorkerConnection[]
  /** As two operators have it, each in a command of their own. */
  readonly operators: readonly [Core, Core]
  close(): Promise<void>
}

const NODES = 2
const WORKERS = 2

export async function startChangedServers(storeName: StoreName): Promise<ChangedServers> {
  const redis = storeName === 'redis' ? await startRedis() : undefined
  const issuerPort = await freePort()
  const issuer = `http://localhost:${issuerPort}`
  const keysDir = await mkdtemp(join(tmpdir(), 'grantor-changes-'))
  const nodes = await startProcesses({
    count: NODES,
    // Each worker is asked again and again with credentials that are not valid yet, or not any more.
    file: { client_authentication: { attempts: 10_000, window: '1s' } },
    ...(redis && { redisUrls: [redis.url] }),
    env: { ISSUER: issuer, WORKERS: String(WORKERS), GRANTOR_KEYS_DIR: keysDir },
  })
  const forwarder = await startForwarder(issuerPort, nodes.urls)
  const pids = await Promise.all(nodes.servers.map(({ output }) => listeners(output)))
  const open: WorkerConnection[] = []
  const env = {
    ...nodes.env,
    ...{ OPS_PORT: '0', GRANTOR_KEYS_DIR: keysDir },
    ...(redis && { REDIS_URL: redis.url }),
  }
  const operators = [await openOperator(env, nodes.dataDir), await openOperator(env, nodes.dataDir)] as const
  return {
    ...{ issuer, urls: nodes.urls },
    connect() {
      const workers = nodes.urls.flatMap((url, node) => (pids[node] ?? []).map((pid) => connectTo(url, pid)))
      open.push(...workers)
      return workers
    },
    operators: [operators[0].core, operators[1].core],
    async close() {
      for (const connection of open) connection.close()
      for (const operator of operators) await operator.close()
      await forwarder.close()
      await nodes.close()
      await redis?.close()
      await rm(keysDir, { recursive: true, force: true })
    },
  }
}

/** The processes that serve, each of which says so once. */
async function listeners(output: readonly string[]): Promise<number[]> {
  for (;;) {
    const pids = output
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { event?: string; pid: number })
      .filter(({ event }) => event === 'listening')
      .map(({ pid }) => pid)
    if (pids.length >= WORKERS) return pids
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** As `grantor clients` opens it (src/cli/domain.ts). */
async function openOperator(env: Readonly<Record<string, string>>, cwd: string) {
  const config = loadConfig({ env, cwd })
  const store = await openStore(config, systemClock)
  const core = await openCore(config, { store, clock: systemClock, log: createLog({ level: 'error' }) })
  return {
    core,
    async close() {
      await core.close()
      await store.close()
    },
  }
}
