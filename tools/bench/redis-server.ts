/** A Redis of our own: on a free port, in memory alone, gone when the bench ends. */

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

import { Redis } from 'ioredis'

import { freePort } from '../../test/support/start.ts'

export interface RedisServer {
  readonly url: string
  /** Its own processor time, which is in no server's figures. */
  cpuSeconds(): Promise<number>
  empty(): Promise<void>
  stop(): Promise<void>
}

/** `undefined` where there is no `redis-server` on the path. */
export async function startRedis(): Promise<RedisServer | undefined> {
  if (spawnSync('redis-server', ['--version']).error !== undefined) return undefined
  const port = await freePort()
  const settings = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction']
  const child = spawn('redis-server', ['--port', String(port), ...settings], { stdio: 'ignore' })
  const kill = () => child.kill()
  process.once('exit', kill)

  const url = `redis://127.0.0.1:${port}`
  const redis = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null })
  redis.on('error', () => undefined) // Not up yet.
  await redis.ping()
  return {
    url,
    async cpuSeconds() {
      const info = await redis.info('cpu')
      return ['user', 'sys'].reduce((total, kind) => total + seconds(info, kind), 0)
    },
    async empty() {
      await redis.flushall()
    },
    async stop() {
      redis.disconnect()
      process.off('exit', kill)
      const gone = once(child, 'exit')
      child.kill()
      await gone
    },
  }
}

function seconds(info: string, kind: string): number {
  return Number(new RegExp(`used_cpu_${kind}:([\\d.]+)`).exec(info)?.[1] ?? 0)
}
