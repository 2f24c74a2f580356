/**
 * The store behind a pair of servers: none, one Redis, or a primary with two replicas and three Sentinels.
 *
 * On Sentinel the reference connects to the same primary by its address, and waits for no replica.
 */

import { redisAvailable, startSentinel } from '../../test/support/redis.ts'
import type { StoreSettings } from './configuration.ts'
import type { StoreName } from './options.ts'
import { startRedis } from './redis-server.ts'

export interface Backend {
  readonly grantor: StoreSettings
  readonly reference: StoreSettings
  /** Removes what both have stored; neither may be running. */
  empty(): Promise<void>
  stop(): Promise<void>
}

/** `undefined` where the store needs a `redis-server` and there is none on the path. */
export async function startBackend(store: StoreName): Promise<Backend | undefined> {
  if (store === 'embedded') return EMBEDDED
  if (!redisAvailable()) return undefined
  switch (store) {
    case 'redis':
      return startSingle()
    case 'sentinel':
      return startReplicated({})
    case 'sentinel-unconfirmed':
      return startReplicated({ redisReplicas: 0 })
  }
}

// Each server has a map or a folder of its own, and starts with an empty one.
const EMBEDDED: Backend = { grantor: {}, reference: {}, empty: async () => undefined, stop: async () => undefined }

async function startSingle(): Promise<Backend> {
  const { url: redisUrl, empty, stop } = await startRedis()
  return { grantor: { redisUrl }, reference: { redisUrl }, empty, stop }
}

async function startReplicated(confirmation: Pick<StoreSettings, 'redisReplicas'>): Promise<Backend> {
  const { url, primary, close } = await startSentinel({ replicas: 2, settings: ['--maxmemory-policy', 'noeviction'] })
  return {
    grantor: { redisUrl: url, ...confirmation },
    reference: { redisUrl: primary.url },
    async empty() {
      await primary.cli('FLUSHALL')
    },
    stop: close,
  }
}
