/** Who steals the store, or reads the log, signs in nowhere. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'

import { keys } from '../../../src/store/keys.ts'
import { describeWithRedis, startRedis } from '../../support/redis.ts'
import type { Running } from '../../support/start.ts'
import { type Canaries, createCanaries } from '../../support/canaries.ts'
import { fullRun } from './full-run.ts'

describe('after everything that a server does', () => {
  it('[S159] [S39] neither the embedded file nor the log at debug level holds a secret', async () => {
    const canaries = createCanaries()
    const run = await fullRun(canaries)
    onTestFinished(() => run.close())

    // The write-ahead log and what was deleted and not yet overwritten are in it too.
    const dump = await filesOf(run.dataDir, 'grantor.db')

    expectNothingFound(canaries, dump, run.log)
    await storeOnPurpose(canaries, run)
    expect(canaries.foundIn(await filesOf(run.dataDir, 'grantor.db'))).toEqual(['stored on purpose'])
  })
})

describeWithRedis('after everything that a server does on Redis', () => {
  it('[S159] [S39] neither the dump, nor the append-only file, nor the log at debug level holds a secret', async () => {
    const redis = await startRedis({ appendOnly: true, settings: ['--rdbcompression', 'no'] })
    onTestFinished(() => redis.close())
    const canaries = createCanaries()
    const run = await fullRun(canaries, { redisUrl: redis.url })
    onTestFinished(() => run.close())
    await redis.cli('SAVE')

    const [, folder = ''] = (await redis.cli('CONFIG', 'GET', 'dir')).split('\n')
    const dump = await filesOf(folder, 'dump.rdb')
    const commands = await filesOf(folder, 'appendonly.aof')

    expectNothingFound(canaries, dump, run.log)
    expectNothingFound(canaries, commands, run.log)
    await storeOnPurpose(canaries, run)
    await redis.cli('SAVE')
    expect(canaries.foundIn(await filesOf(folder, 'dump.rdb'))).toEqual(['stored on purpose'])
    expect(canaries.foundIn(await filesOf(folder, 'appendonly.aof'))).toEqual(['stored on purpose'])
  })
})

describe('the search for secrets', () => {
  it('finds a secret that is there, in any encoding', () => {
    const canaries = createCanaries()
    const secret = canaries.plant('a secret', 'correct-horse-battery-staple')
    const disguised = [
      secret,
      Buffer.from(secret).toString('hex'),
      Buffer.from(secret).toString('base64'),
      Buffer.from(`client:${secret}`).toString('base64'),
      Buffer.from(`{"x":1,"secret":"${secret}"}`).toString('base64url'),
    ]

    for (const text of disguised) expect(canaries.foundIn(Buffer.from(`before ${text} after`))).toEqual(['a secret'])
    expect(canaries.foundIn(Buffer.from('correct horse battery staple'))).toEqual([])
  })
})

function expectNothingFound(canaries: Canaries, stored: Buffer, log: readonly string[]): void {
  expect(canaries.count).toBeGreaterThan(40)
  expect(stored.includes('grant:{')).toBe(true)
  expect(canaries.foundIn(stored)).toEqual([])
  expect(log.length).toBeGreaterThan(5)
  expect(canaries.foundIn(Buffer.from(log.join('\n')))).toEqual([])
}

/** The proof that a secret in the store would be found. */
async function storeOnPurpose(canaries: Canaries, { nodes }: Running): Promise<void> {
  const secret = canaries.plant('stored on purpose', 'stored-to-be-found')
  await nodes[0]?.store.put(keys.grant('on-purpose'), JSON.stringify({ secret }), { ttlSeconds: 60 })
}

/** Every byte of the files whose names begin so, in the folder and below. */
async function filesOf(folder: string, begin: string): Promise<Buffer> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && entry.name.startsWith(begin))
  return Buffer.concat(await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name)))))
}
