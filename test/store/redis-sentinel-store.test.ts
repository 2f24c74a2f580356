import { afterAll, beforeAll } from 'vitest'

import { storeContract } from '../contracts/store.ts'
import { describeWithRedis, startSentinel, type SentinelSetup } from '../support/redis.ts'
import { openOnRedis } from './redis-stores.ts'

describeWithRedis('Redis with Sentinel', () => {
  let redis: SentinelSetup
  beforeAll(async () => {
    redis = await startSentinel({ replicas: 2 })
  })
  afterAll(() => redis.close())

  storeContract('the Redis store', (clock) => openOnRedis(redis.url, clock))
})
