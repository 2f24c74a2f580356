import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, onTestFinished } from 'vitest'

import type { Clock } from '../../src/base/clock.ts'
import { openEmbeddedArchive } from '../../src/store/embedded/archive.ts'
import { openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts'
import { openRedisArchive } from '../../src/store/redis/archive.ts'
import { openRedisStore } from '../../src/store/redis/redis-store.ts'
import { archiveContract, type OpenedArchive } from '../contracts/archive.ts'
import { aPrefix, describeWithRedis, type RedisServer, startRedis } from '../support/redis.ts'

archiveContract('an archive of SQLite into SQLite', inFile, inFile)

describeWithRedis('archives of Redis', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.close())

  archiveContract('into Redis', inRedis, inRedis)
  archiveContract('into SQLite', inRedis, inFile)
  archiveContract('from SQLite', inFile, inRedis)

  async function inRedis(clock: Clock): Promise<OpenedArchive> {
    const about = { url: redis.url, clock, prefix: aPrefix() }
    const store = await openRedisStore(about)
    const archive = await openRedisArchive({ ...about, store })
    onTestFinished(() => store.close())
    onTestFinished(() => archive.close())
    return { store, archive }
  }
})

async function inFile(clock: Clock): Promise<OpenedArchive> {
  const folder = await mkdtemp(join(tmpdir(), 'grantor-test-'))
  const file = join(folder, 'grantor.db')
  const store = await openEmbeddedStore({ file, clock })
  const archive = openEmbeddedArchive({ file, clock, store })
  onTestFinished(async () => {
    await archive.close()
    await store.close()
    await rm(folder, { recursive: true })
  })
  return { store, archive }
}
