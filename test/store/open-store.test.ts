import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'

import { systemClock } from '../../src/base/clock.ts'
import { EmbeddedStore } from '../../src/store/embedded/embedded-store.ts'
import { openStore } from '../../src/store/open-store.ts'
import { RedisStore } from '../../src/store/redis/redis-store.ts'

it('is the file grantor.db in the data folder when no Redis is named', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'grantor-test-'))
  onTestFinished(() => rm(parent, { recursive: true, force: true }))
  const dataDir = join(parent, 'data')

  const store = await openStore({ redisUrl: undefined, dataDir }, systemClock)

  expect(store).toBeInstanceOf(EmbeddedStore)
  expect(await readdir(dataDir)).toContain('grantor.db')
  await store.close()
})

it('is Redis when one is named, even while it is away, and then makes no file', async () => {
  const dataDir = join(tmpdir(), 'grantor-test-never-made')

  // Nothing listens on port 1.
  const store = await openStore({ redisUrl: 'redis://127.0.0.1:1', dataDir }, systemClock)

  expect(store).toBeInstanceOf(RedisStore)
  expect(store.status().ready).toBe(false)
  await expect(readdir(dataDir)).rejects.toThrow('ENOENT')
  await store.close()
})
