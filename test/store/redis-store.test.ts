import { afterAll, beforeAll } from 'vitest'

import { storeContract } from '../contracts/store.ts'
import { describeWithRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { openOnRedis } from './redis-stores.ts'

describeWithRedis('Redis alone', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.close())

  storeContract('the Redis store', (clock) => openOnRedis(redis.url, clock))
})
