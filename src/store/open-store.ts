/**
 * Which store: Redis when the settings name one, else the file in the data folder.
 *
 * Only the requested one is loaded: the Redis client takes a tenth of a start.
 */

import { join } from 'node:path'

import type { Clock } from '../base/clock.ts'
import type { Config } from '../config/config.ts'
import type { Archive } from './backup/archive.ts'
import type { Store } from './store.ts'

const FILE = 'grantor.db'

type StoreConfig = Pick<Config, 'redisUrl' | 'dataDir'> & Partial<Pick<Config, 'redisReplicas' | 'dataDirFreeBytes'>>

/** Where the embedded store is; `undefined` when these settings name a Redis. */
export function embeddedFile({ redisUrl, dataDir }: StoreConfig): string | undefined {
  return redisUrl === undefined ? join(dataDir, FILE) : undefined
}

export async function openStore(config: StoreConfig, clock: Clock): Promise<Store> {
  if (config.redisUrl !== undefined) {
    const { openRedisStore } = await import('./redis/redis-store.ts')
    return openRedisStore({ url: config.redisUrl, clock, replicas: config.redisReplicas })
  }
  const { openEmbeddedStore } = await import('./embedded/embedded-store.ts')
  return openEmbeddedStore({ file: join(config.dataDir, FILE), clock, freeBytes: config.dataDirFreeBytes })
}

/** The records of the store that `openStore` has opened with the same settings. */
export async function openArchive(config: StoreConfig, clock: Clock, store: Store): Promise<Archive> {
  if (config.redisUrl !== undefined) {
    const { openRedisArchive } = await import('./redis/archive.ts')
    return openRedisArchive({ url: config.redisUrl, clock, store })
  }
  const { openEmbeddedArchive } = await import('./embedded/archive.ts')
  return openEmbeddedArchive({ file: join(config.dataDir, FILE), clock, store })
}
