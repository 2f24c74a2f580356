/** Which store: Redis when the settings name one, else the file in the data folder. */

import { join } from 'node:path'

import type { Clock } from '../base/clock.ts'
import type { Config } from '../config/config.ts'
import { openEmbeddedStore } from './embedded-store.ts'
import { openRedisStore } from './redis-store.ts'
import type { Store } from './store.ts'

const FILE = 'grantor.db'

export async function openStore(config: Pick<Config, 'redisUrl' | 'dataDir'>, clock: Clock): Promise<Store> {
  if (config.redisUrl !== undefined) return openRedisStore({ url: config.redisUrl, clock })
  return openEmbeddedStore({ file: join(config.dataDir, FILE), clock })
}
