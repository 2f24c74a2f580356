/** A Redis of our own: on a free port, in memory alone, gone when the bench ends. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'

import { Redis } from 'ioredis'

import { freePort } from '../../test/support/start.ts'

export interface RedisServer {
  readonly url: string
  empty(): Promise<void>
  stop(): Promise<void>
}

export async function startRedis(): Promise<RedisServer> {
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
