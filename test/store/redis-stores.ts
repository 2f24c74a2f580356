/** Stores on one Redis for a test: under a prefix of their own, and closed when the test has finished. */

import { vi } from 'vitest'

import type { Clock } from '../../src/base/clock.ts'
import { openRedisStore } from '../../src/store/redis/redis-store.ts'
import type { Store } from '../../src/store/store.ts'
import type { OpenedStore } from '../contracts/store.ts'
import { aPrefix } from '../support/redis.ts'

/** For the contract: two stores that share a prefix. */
export async function openOnRedis(
  url: string,
  clock: Clock,
  { prefix = aPrefix(), replicas }: { readonly prefix?: string; readonly replicas?: number } = {},
): Promise<OpenedStore> {
  const stores: Store[] = []
  const open = async () => {
    const store = await openRedisStore({ url, clock, prefix, replicas })
    stores.push(store)
    await vi.waitFor(() => {
      const { ready, problem } = store.status()
      if (!ready) throw new Error(problem)
    }, 10_000)
    return store
  }
  return {
    store: await open(),
    second: open,
    async close() {
      await Promise.all(stores.map((store) => store.close()))
    },
  }
}
