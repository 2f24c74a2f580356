/** A crash may cost a single Redis its last second or two: servers write again what they know of it. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'

import { openRevocationLog } from '../../src/revocation/revocation-log.ts'
import { openEmbeddedArchive } from '../../src/store/embedded/archive.ts'
import { openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts'
import { movableClock } from '../support/movable-clock.ts'

describe('revocations that the store has lost', () => {
  it('are written again, once, by a server that knows them', async () => {
    const { log, archive, opened } = await aLog()
    await log.publish({ gid: 'g1' })
    await log.publish({ jti: 'j1' }, { keepSeconds: 60 })
    await archive.clear()
    expect((await opened()).covers({ gid: 'g1', iat: 1 })).toBe(false)

    const again = await log.writeLostAgain()

    expect(new Set(again.map(({ gid, jti }) => gid ?? jti))).toEqual(new Set(['g1', 'j1']))
    expect((await opened()).covers({ gid: 'g1', iat: 1 })).toBe(true)
    expect((await opened()).covers({ jti: 'j1', iat: 1 })).toBe(true)
    expect(await log.writeLostAgain()).toEqual([])
  })

  it('are left alone where they are there, or have expired', async () => {
    const { log, archive, clock } = await aLog()
    await log.publish({ gid: 'g1' })
    expect(await log.writeLostAgain()).toEqual([])

    await archive.clear()
    clock.moveSeconds(601)
    expect(await log.writeLostAgain()).toEqual([])
  })
})

async function aLog() {
  const folder = await mkdtemp(join(tmpdir(), 'grantor-test-'))
  const file = join(folder, 'grantor.db')
  const clock = movableClock()
  const store = await openEmbeddedStore({ file, clock })
  const archive = openEmbeddedArchive({ file, clock, store })
  const opened = () => openRevocationLog({ store, clock, keepSeconds: () => 600 })
  const log = await opened()
  onTestFinished(async () => {
    await archive.close()
    await store.close()
    await rm(folder, { recursive: true })
  })
  return { log, archive, clock, opened }
}
