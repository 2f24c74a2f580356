import { afterAll, beforeAll } from 'vitest'

import { storeContract } from '../contracts/store.ts'
import { describeWithRedis, startCluster, type RedisCluster } from '../support/redis.ts'
import { openOnRedis } from './redis-stores.ts'

describeWithRedis('Redis Cluster', () => {
  let redis: RedisCluster
  beforeAll(async () => {
    redis = await startCluster([], 1)
  })
  afterAll(() => redis.close())

  storeContract('the Redis store', (clock) => openOnRedis(redis.url, clock))
})
