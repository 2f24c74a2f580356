/**
 * What a disk can do to the embedded store: lose what was not synced, fail to sync, hang, be full.
 *
 * The disk is an argument: `syncFile` is what brings the log to it. A power cut leaves the files as they were when the last
 * sync that ended had begun, at the worst; so a copy is made at the beginning of each, and opened in place of the store.
 */

import { copyFileSync } from 'node:fs'
import { access, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished, vi } from 'vitest'

import { systemClock } from '../../src/base/clock.ts'
import { type EmbeddedStore, openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts'
import type { Key } from '../../src/store/store.ts'
import { type SyncFile, syncFile } from '../../src/store/embedded/wal-sync.ts'
import { aSmallDisk, describeWithSmallDisk, fill } from '../support/small-disk.ts'
import { within } from '../support/figures.ts'

describe('[B23] a power cut', () => {
  it('takes nothing that was acknowledged: every verb that decides is answered when it is on the disk', async () => {
    const disk = await aDisk()
    const store = await open(disk.file, disk.sync)
    const acknowledged: { key: Key; verb: 'put' | 'take' | 'remove' | 'consume' }[] = []
    const logged: string[] = []
    const cuts: Promise<void>[] = []
    for (let round = 0; round < 40; round++) {
      const decide = async (verb: (typeof acknowledged)[number]['verb'], i: number) => {
        const key: Key = `${verb}:{aa}:${round}-${i}`
        await store.put(key, 'x')
        if (verb === 'consume') await store.consume(key, 'me')
        else if (verb !== 'put') await (verb === 'take' ? store.take(key) : store.remove([key]))
        acknowledged.push({ key, verb })
        logged.push(await store.append('log', key, 600))
      }
      await Promise.all((['put', 'take', 'remove', 'consume'] as const).map(decide))
      if (round % 8 === 7) cuts.push(cut(disk, [...acknowledged], [...logged]))
    }
    await Promise.all(cuts)
    expect(disk.syncs()).toBeGreaterThan(0)
  })

  it('takes nothing even of an answer that changed nothing, since another process may have made the change', async () => {
    const disk = await aDisk()
    const key: Key = 'kind:{aa}:key'
    const store = await open(disk.file, disk.sync)
    await store.put('kind:{aa}:other', 'x')
    await store.put(key, 'x')
    const held = Promise.withResolvers<void>()
    const other = await open(disk.file, () => held.promise)
    const removing = other.remove([key])
    await vi.waitFor(async () => expect(await store.get(key)).toBeUndefined(), within(5000))

    await store.remove([key])

    const after = await open(disk.afterPowerCut())
    expect(await after.get('kind:{aa}:other')).toBeDefined()
    expect(await after.get(key)).toBeUndefined()
    held.resolve()
    await removing
  })

  it('is paid for together: writes that come during a sync share the next', async () => {
    const disk = await aDisk()
    const store = await open(disk.file, disk.sync)
    const before = disk.syncs()
    const callers = Array.from({ length: 50 }, async (_, caller) => {
      for (let i = 0; i < 10; i++) await store.put(`kind:{aa}:${caller}-${i}`, 'x')
    })
    await Promise.all(callers)
    // Ten turns of fifty writes, and one or two of the probe's.
    expect(disk.syncs() - before).toBeLessThan(50)
  })
})

describe('[B23] a disk that fails', () => {
  it('to sync is reported to the writers, makes the store unready, and is repaired before anything is acknowledged', async () => {
    const disk = await aDisk()
    const store = await open(disk.file, disk.sync)
    disk.fail(new Error('EIO: i/o error, fdatasync'))

    await expect(store.put('kind:{aa}:lost', 'x')).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(store.status()).toMatchObject({ ready: false, problem: expect.stringContaining('EIO') })

    disk.fail(undefined)
    await vi.waitFor(() => expect(store.status().ready).toBe(true), within(10_000))
    await store.put('kind:{aa}:kept', 'x')
    // The log that may lack a page was moved into the database and begun anew: what stands in it now does not hang on it.
    const after = await open(disk.afterPowerCut())
    expect(await after.get('kind:{aa}:kept')).toBeDefined()
    expect(await after.get('kind:{aa}:lost')).toBeDefined()
  })

  it('by hanging delays no caller: StoreUnavailable, not ready, and it recovers when the disk continues', async () => {
    const disk = await aDisk()
    const store = await open(disk.file, disk.sync)
    await store.put('kind:{aa}:there', 'x')
    const goOn = disk.hang()

    const [put, append] = [store.put('kind:{aa}:key', 'x'), store.append('log', 'x', 60)]
    for (const each of [put, append]) await expect(each).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(store.status()).toMatchObject({ ready: false, problem: expect.stringContaining('did not sync') })
    await expect(store.put('kind:{aa}:key', 'x')).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(await store.get('kind:{aa}:there')).toBeDefined()

    goOn()
    await vi.waitFor(() => expect(store.status().ready).toBe(true), within(10_000))
    expect(await store.put('kind:{aa}:key', 'y')).toBe('stored')
  })
})

describe('[B23] readiness', () => {
  it('is judged by its own writes while there are no requests: a held lock makes the store unready, and silent if held longer', async () => {
    const disk = await aDisk()
    const store = await open(disk.file)
    await vi.waitFor(() => expect(store.status()).toMatchObject({ ready: true, hasRoom: true }), within(5000))
    const holder = new DatabaseSync(disk.file)
    onTestFinished(() => holder.close())
    holder.exec('BEGIN IMMEDIATE')

    await vi.waitFor(() => expect(store.status()).toMatchObject({ ready: false }), within(10_000))
    expect(store.status().problem).toContain('locked')
    const silentMs = store.status().silentMs
    await vi.waitFor(() => expect(store.status().silentMs).toBeGreaterThan(silentMs), within(5000))

    holder.exec('ROLLBACK')
    await vi.waitFor(() => expect(store.status().ready).toBe(true), within(10_000))
    expect(store.status().silentMs).toBeLessThan(silentMs)
  })
})

describeWithSmallDisk('[B23] a small disk that is full', () => {
  it('takes endings from its reserve, nothing new by the mark, and recovers when there is room', async () => {
    const folder = await aSmallDisk(24)
    const file = join(folder, 'data', 'grantor.db')
    const store = await open(file)
    const tokens = Array.from({ length: 200 }, (_, i): Key => `token:{aa}:${i}`)
    await Promise.all(tokens.map((key) => store.put(key, 'x'.repeat(500), { memberOf: 'list:{aa}:all' })))
    await vi.waitFor(
      async () => expect(await readdir(join(folder, 'data'))).toContain('grantor.reserve'),
      within(10_000),
    )
    expect(store.status()).toMatchObject({ ready: true, hasRoom: true })

    await fill(folder)
    await vi.waitFor(() => expect(store.status()).toMatchObject({ ready: true, hasRoom: false }), within(10_000))
    expect(store.status().problem).toContain(join(folder, 'data'))

    for (const key of tokens.slice(0, 50)) {
      await store.append('log', `${key} has ended`, 600)
      await store.remove([key])
    }
    for (const key of tokens.slice(50, 100)) expect(await store.consume(key, 'me')).toEqual({ outcome: 'won' })
    await store.removeMembers('list:{aa}:all')
    expect(await store.read('log', undefined, 100)).toHaveLength(50)
    expect(store.status()).toMatchObject({ ready: true, hasRoom: false })
    // Another process, such as the command that an operator revokes with, can still open it.
    const other = await open(file)
    await other.append('log', 'by the operator', 600)

    await rm(join(folder, 'filler'))
    await vi.waitFor(() => expect(store.status()).toMatchObject({ ready: true, hasRoom: true }), within(10_000))
    await vi.waitFor(
      async () => expect(await readdir(join(folder, 'data'))).toContain('grantor.reserve'),
      within(10_000),
    )
    expect(await store.put('kind:{aa}:new', 'x'.repeat(100_000))).toBe('stored')

    // Full again while no process has the store open: opening it takes space, too.
    await Promise.all([store.close(), other.close()])
    await fill(folder)
    const again = await open(file)
    await again.append('log', 'after a restart', 600)
    expect(await again.read('log', undefined, 100)).toHaveLength(52)
  })
})

describeWithSmallDisk('[B23] the write-ahead log', () => {
  it('takes no more than the reserve has room for, however much is written', async () => {
    const file = join(await aSmallDisk(24), 'data', 'grantor.db')
    const store = await open(file)
    const reserve = join(file, '..', 'grantor.reserve')
    await vi.waitFor(() => access(reserve), within(10_000))

    for (let i = 0; i < 100; i++) await store.put(`kind:{aa}:${i % 10}`, 'x'.repeat(100_000))

    expect((await stat(`${file}-wal`)).size).toBeLessThan((await stat(reserve)).size)
  })
})

interface Disk {
  readonly file: string
  readonly sync: SyncFile
  syncs(): number
  /** A copy of the files as a power cut leaves them. */
  afterPowerCut(): string
  fail(error: Error | undefined): void
  /** Returns what ends it. */
  hang(): () => void
}

async function aDisk(): Promise<Disk> {
  const directory = await mkdtemp(join(tmpdir(), 'grantor-test-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  await mkdir(join(directory, 'data'))
  const file = join(directory, 'data', 'grantor.db')
  let copies = 0
  let ended = 0
  let error: Error | undefined
  let hanging: Promise<void> | undefined
  const copyNo = (count: number) => join(directory, `copy-${count}.db`)
  return {
    file,
    syncs: () => copies,
    async sync(fd) {
      await hanging
      if (error !== undefined) throw error
      copies += 1
      const count = copies
      for (const side of ['', '-wal']) copyFileSync(file + side, copyNo(count) + side)
      await syncFile(fd)
      ended = count
    },
    afterPowerCut: () => copyNo(ended),
    fail(next) {
      error = next
    },
    hang() {
      const held = Promise.withResolvers<void>()
      hanging = held.promise
      return () => {
        hanging = undefined
        held.resolve()
      }
    },
  }
}

async function open(file: string, sync?: SyncFile): Promise<EmbeddedStore> {
  const store = await openEmbeddedStore({ file, clock: systemClock, ...(sync && { syncFile: sync }) })
  onTestFinished(() => store.close())
  return store
}

/** Opens what a power cut at this moment leaves and looks for everything that was acknowledged. */
async function cut(disk: Disk, acknowledged: readonly { key: Key; verb: string }[], logged: readonly string[]) {
  const after = await openEmbeddedStore({ file: disk.afterPowerCut(), clock: systemClock })
  const entries = await after.getMany(acknowledged.map(({ key }) => key))
  const found = acknowledged.map(({ verb }, i) => ({
    verb,
    there: entries[i] !== undefined,
    used: !!entries[i]?.consumed,
  }))
  expect(found).toEqual(
    acknowledged.map(({ verb }) => ({ verb, there: verb === 'put' || verb === 'consume', used: verb === 'consume' })),
  )
  const cursors = (await after.read('log', undefined, 10_000)).map(({ cursor }) => cursor)
  expect(logged.filter((cursor) => !cursors.includes(cursor))).toEqual([])
  await after.close()
}
