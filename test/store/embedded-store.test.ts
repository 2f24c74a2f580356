import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished, vi } from 'vitest'

import { systemClock } from '../../src/base/clock.ts'
import { openDatabase } from '../../src/store/embedded/database.ts'
import { prepareStatements, rowIdOf } from '../../src/store/embedded/statements.ts'
import { EmbeddedStore, openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts'
import { keys } from '../../src/store/keys.ts'
import type { Key } from '../../src/store/store.ts'
import { storeContract } from '../contracts/store.ts'
import { movableClock } from '../support/movable-clock.ts'
import { COUNTER, ROUNDS, race, raceKey } from './embedded-process.ts'
import { within } from '../support/figures.ts'

storeContract('the embedded store', async (clock) => {
  const directory = await mkdtemp(join(tmpdir(), 'grantor-test-'))
  const open = () => openEmbeddedStore({ file: join(directory, 'grantor.db'), clock })
  const stores = [await open()]
  return {
    store: stores[0] as EmbeddedStore,
    async second() {
      const store = await open()
      stores.push(store)
      return store
    },
    async close() {
      await Promise.all(stores.map((store) => store.close()))
      await rm(directory, { recursive: true, force: true })
    },
  }
})

describe('the file of the embedded store', () => {
  it('is made for its owner alone, with its folder and side files', async () => {
    const file = await aFile('made/for/it')
    const store = await open(file)
    await store.put('kind:{aa}:key', 'x')

    for (const path of [file, `${file}-wal`, `${file}-shm`]) expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await stat(join(file, '..'))).mode & 0o777).toBe(0o700)
  })

  it('is opened by the second of two processes that start at once, when the first has made it', async () => {
    const file = await aFile()
    const first = new DatabaseSync(file)
    first.exec('BEGIN; CREATE TABLE made (x); COMMIT; BEGIN; SELECT * FROM made')

    const second = open(file)
    first.close()

    expect(await (await second).put('kind:{aa}:key', 'x')).toBe('stored')
  })

  it('keeps everything when it is closed and opened again', async () => {
    const file = await aFile()
    const first = await open(file)
    await first.put('kind:{aa}:key', 'x')
    const cursor = await first.append('log', 'x', 60)
    await first.close()

    const again = await open(file)

    expect(await again.get('kind:{aa}:key')).toEqual({ value: 'x', version: 1 })
    expect(await again.read('log', undefined, 10)).toEqual([{ cursor, value: 'x' }])
  })

  it('does what was asked before it is closed', async () => {
    const file = await aFile()
    const first = await open(file)
    const put = first.put('kind:{aa}:key', 'x')

    await first.close()

    expect(await put).toBe('stored')
    expect(await (await open(file)).get('kind:{aa}:key')).toBeDefined()
  })

  it('cannot be opened where no folder can be: StoreUnavailable, with the reason for the log', async () => {
    const noFolder = await aFile()
    await writeFile(noFolder, '')
    const file = join(noFolder, 'grantor.db')
    await expect(openEmbeddedStore({ file, clock: systemClock })).rejects.toMatchObject({
      code: 'store_unavailable',
      detail: expect.stringContaining(file),
    })
  })

  it('is not taken for a database when it is none', async () => {
    const file = await aFile()
    await writeFile(file, 'no database '.repeat(1000))
    await expect(openEmbeddedStore({ file, clock: systemClock })).rejects.toMatchObject({ code: 'store_unavailable' })
  })

  it('of the layout before is taken over whole', async () => {
    const file = await aFile()
    const [entry, grant]: [Key, Key] = ['kind:{aa}:entry', 'kind:{aa}:grant']
    const old = inspect(file)
    old.exec(OLD_LAYOUT)
    const insert = old.prepare('INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
    const [never, consumedAtMs] = [Number.MAX_SAFE_INTEGER, Date.now()]
    insert.run(grant, 'granted', 3, never, null, null, null, null, null, null)
    const list = 'list:{aa}:all'
    insert.run(entry, 'x', 1, never, JSON.stringify([grant]), list, consumedAtMs, 'me', 'a note', consumedAtMs + 60_000)

    const store = await open(file)

    const consumed = { atMs: consumedAtMs, note: 'a note' }
    expect(await store.getLinked(entry)).toEqual({
      entry: { value: 'x', version: 1, consumed },
      refs: new Map([[grant, { value: 'granted', version: 3 }]]),
    })
    expect(await store.members(list)).toEqual([entry])
    expect((await store.list('kind')).keys).toEqual([entry, grant])
    expect(await store.put(grant, 'changed', { ifVersion: 3 })).toBe('stored')
    expect(inspect(file).prepare("SELECT 1 FROM sqlite_schema WHERE name = 'old_entry'").all()).toEqual([])
  })

  it('never gives one key what another key has in its row', async () => {
    const [file, key]: [string, Key] = [await aFile(), 'kind:{aa}:mine']
    const store = await open(file)
    await store.put(key, 'x')
    inspect(file).prepare('UPDATE entry SET key = ?').run('kind:{aa}:theirs')

    expect(await store.get(key)).toBeUndefined()
    expect(await store.getLinked(key)).toBeUndefined()
    await expect(store.put(key, 'y')).rejects.toThrow('another key')
    await expect(store.increment(key, 60)).rejects.toThrow('another key')
    expect(await store.consume(key, 'me')).toEqual({ outcome: 'gone' })
    expect(await store.take(key)).toBeUndefined()
    await store.remove([key])
    expect((await store.list('kind')).keys).toEqual(['kind:{aa}:theirs'])
  })

  it('that replaces a deleted one is read from its start, whatever the clock says meanwhile', async () => {
    const clock = movableClock()
    const before = await open(await aFile(), clock)
    for (let i = 0; i < 100; i++) await before.append('log', 'x', 60)
    const kept = await before.append('log', 'x', 60)
    clock.moveSeconds(-600)

    const after = await open(await aFile(), clock)
    await after.append('log', 'new', 60)

    expect((await after.read('log', kept, 10)).map(({ value }) => value)).toEqual(['new'])
  })

  it('that was set back is read from its start by who had read further', async () => {
    const file = await aFile()
    const store = await open(file)
    await store.append('log', 'early', 60)
    const old = `${file}.old`
    inspect(file).exec(`VACUUM INTO '${old}'`)
    const kept = await store.append('log', 'late', 60)

    const setBack = await open(old)

    expect((await setBack.read('log', kept, 10)).map(({ value }) => value)).toEqual(['early'])
  })
})

describe('[B13] a row id of 64 bits', () => {
  it('is no obstacle to any verb, on this version of Node', async () => {
    const store = await open(await aFile())
    const keys = Array.from({ length: 16 }, (_, i): Key => `kind:{aa}:${i}`).filter((key) => !isSafe(rowIdOf(key)))
    expect(keys.length).toBeGreaterThan(10)

    for (const key of keys) {
      expect(await store.put(key, 'x', { memberOf: 'list:{aa}:all' })).toBe('stored')
      expect(await store.consume(key, 'me')).toEqual({ outcome: 'won' })
      expect(await store.append('log', 'x', 60)).toMatch(/\d$/)
    }
    await store.remove(keys.slice(0, 1))
    await store.removeMembers('list:{aa}:all')

    expect(await store.getMany(keys)).toEqual(keys.map(() => undefined))
  })
})

describe('tokens of one moment', () => {
  it('lie together in the file, in the order of their moments, and others wherever their hash says', async () => {
    const file = await aFile()
    const store = await open(file)
    const moments = ['0000000', '07fffff', '0800000', '7ffffff']
    const made = Array.from({ length: 80 }, (_, i): Key => {
      return keys.handle('refresh', 'aa', moments[i % moments.length], `handle ${i}`)
    })
    const others = Array.from({ length: 80 }, (_, i): Key => `kind:{aa}:${i}`)
    await Promise.all([...made, ...others].map((key) => store.put(key, 'x')))

    const found = inspect(file).prepare("SELECT key FROM entry WHERE key LIKE 'refresh:%' ORDER BY id").all()

    const inFile = found.map(({ key }) => /:(\w+)@/.exec(String(key))?.[1])
    expect(inFile).toEqual(moments.flatMap((moment) => Array.from({ length: 20 }, () => moment)))
    expect(await store.getMany(made)).toEqual(made.map(() => ({ value: 'x', version: 1 })))
  })
})

describe('two processes on one file', () => {
  it('lose no increment, and share every consume between them', async () => {
    const file = await aFile()
    const store = await open(file)
    await Promise.all(Array.from({ length: ROUNDS }, (_, round) => store.put(raceKey(round), 'x')))
    const child = aProcess(file, 'race')
    const printed = text(child.stdout)

    const won = await race(store, 'this process')

    const wonByOther = JSON.parse(await printed) as number[]
    expect([...won, ...wonByOther].sort((a, b) => a - b)).toEqual(Array.from({ length: ROUNDS }, (_, round) => round))
    expect((await store.get(COUNTER))?.value).toBe(String(2 * ROUNDS))
  })

  it('survive the kill of the one that writes: every acknowledged write is there, and the file is whole', async () => {
    for (let round = 0; round < 3; round++) {
      const file = await aFile()
      const child = aProcess(file, 'write')
      const printed = text(child.stdout)
      await once(child.stdout, 'data')
      for (let chunks = 0; chunks < 50 * (round + 1); chunks++) await once(child.stdout, 'data')

      child.kill('SIGKILL')

      // The last line may have been cut short by the kill.
      const acknowledged = (await printed).split('\n').slice(0, -1) as Key[]
      const store = await open(file)
      const entries = await store.getMany(acknowledged)
      expect(acknowledged.length).toBeGreaterThan(100)
      expect(entries.map((entry) => entry?.value)).toEqual(acknowledged.map((key) => `value of ${key}`))
      expect(inspect(file).prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
    }
  })

  it('wait for each other without stopping: while one holds the lock, the other reads and its event loop turns', async () => {
    const file = await aFile()
    const store = await open(file)
    await store.put('kind:{aa}:there', 'x')
    const holder = inspect(file)
    holder.exec('BEGIN IMMEDIATE')

    const put = store.put('kind:{aa}:key', 'x')

    for (let turns = 0; turns < 100; turns++) await new Promise(setImmediate)
    expect(await store.get('kind:{aa}:there')).toBeDefined()
    expect(await store.get('kind:{aa}:key')).toBeUndefined()
    holder.exec('ROLLBACK')
    expect(await put).toBe('stored')
  })

  it('do not wait for ever: StoreUnavailable, and all is well when the lock is free', async () => {
    const file = await aFile()
    const store = await open(file)
    const holder = inspect(file)
    holder.exec('BEGIN IMMEDIATE')
    const puts = [store.put('kind:{aa}:key', 'x'), store.take('kind:{aa}:key')]

    for (const put of puts) await expect(put).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(store.status()).toMatchObject({ ready: false, problem: expect.stringContaining('DATA_DIR') })

    holder.exec('ROLLBACK')
    await vi.waitFor(() => expect(store.status().ready).toBe(true), within(5000))
    expect(await store.put('kind:{aa}:key', 'x')).toBe('stored')
  })
})

describe('the embedded store with a full disk', () => {
  it('[B23] answers StoreUnavailable, has no room, and recovers when there is some', async () => {
    const file = await aFile()
    const database = await openDatabase(file, Date.now())
    const store = new EmbeddedStore(database, { file, clock: systemClock })
    onTestFinished(() => store.close())
    const key: Key = 'kind:{aa}:key'
    await store.put(key, 'kept')
    database.exec('PRAGMA max_page_count = 40')

    const puts = Array.from({ length: 50 }, (_, i) => store.put(`kind:{aa}:${i}`, 'x'.repeat(10_000)))
    const refused = (await Promise.allSettled(puts)).filter(({ status }) => status === 'rejected')

    expect(refused.length).toBeGreaterThan(0)
    for (const { reason } of refused as PromiseRejectedResult[]) {
      expect(reason).toMatchObject({ code: 'store_unavailable', detail: expect.stringContaining('full') })
    }
    expect(store.status()).toMatchObject({ hasRoom: false, problem: expect.stringContaining('full') })
    expect((await store.get(key))?.value).toBe('kept')
    await vi.waitFor(() => expect(store.status().problem).toMatch(/0 MB left/), within(5000))

    database.exec('PRAGMA max_page_count = 100000')
    await vi.waitFor(() => expect(store.status()).toMatchObject({ ready: true, hasRoom: true }), within(5000))
    expect(await store.put('kind:{aa}:more', 'x'.repeat(10_000))).toBe('stored')
  })
})

describe('writes of one turn', () => {
  it('do not suffer from one among them that cannot be done', async () => {
    const store = await open(await aFile())

    const [before, wrong, after] = await Promise.allSettled([
      store.put('kind:{aa}:before', 'x'),
      store.put('kind:{aa}:wrong', { not: 'a text' } as never),
      store.put('kind:{aa}:after', 'x'),
    ])

    expect(wrong).toMatchObject({ status: 'rejected', reason: expect.any(TypeError) })
    expect([before, after]).toEqual(Array(2).fill({ status: 'fulfilled', value: 'stored' }))
    expect(await store.get('kind:{aa}:after')).toBeDefined()
  })

  it('are done in the order in which they were asked for', async () => {
    const store = await open(await aFile())
    const key: Key = 'kind:{aa}:key'

    const outcomes = await Promise.all([
      store.put(key, 'a', { ifAbsent: true }),
      store.put(key, 'b', { ifVersion: 1 }),
      store.take(key),
      store.put(key, 'c', { ifPresent: [key] }),
    ])

    expect(outcomes).toEqual(['stored', 'stored', 'b', 'gone'])
  })
})

describe('the statements of the embedded store', () => {
  it('[B13] read no row id as a number when they write: it may have 64 bits, which Node 26 refuses', () => {
    const folder = fileURLToPath(new URL('../../src/store/embedded/', import.meta.url))
    const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))

    expect(texts.flatMap((text) => text.match(/\.prepare\(\s*['"`]\s*(INSERT|UPDATE|DELETE)[^)]*/g) ?? [])).toEqual([])
  })
})

describe('what the embedded store leaves on disk', () => {
  it('is swept when it has expired, whether or not there are writes', async () => {
    const [clock, file] = [movableClock(), await aFile()]
    const store = await open(file, clock)
    await Promise.all(
      Array.from({ length: 1000 }, async (_, i) => {
        await store.put(`kind:{aa}:${i}`, 'x', { ttlSeconds: 60, memberOf: 'index:{aa}:x' })
        await store.link('links:{aa}:x', `member ${i}`, 60)
        await store.append('log', 'x', 60)
      }),
    )
    await store.put('kind:{aa}:stays', 'x')
    expect(rowsIn(file)).toEqual({ entry: 1001, link: 1000, log: 1000 })

    clock.moveSeconds(60)

    await vi.waitFor(() => expect(rowsIn(file)).toEqual({ entry: 1, link: 0, log: 1000 }), within(10_000))

    // What a log holds outlives a clock that is wrong by a quarter of an hour.
    clock.moveSeconds(15 * 60)

    await vi.waitFor(() => expect(rowsIn(file)).toEqual({ entry: 1, link: 0, log: 0 }), within(10_000))
  })

  it('[B4] keeps its log while a clock is wrong for a moment', async () => {
    const [clock, file] = [movableClock(), await aFile()]
    const store = await open(file, clock)
    await store.append('log', 'a revocation', 60)
    await store.put('kind:{aa}:sign', 'x', { ttlSeconds: 60 })

    clock.moveSeconds(600)
    await vi.waitFor(() => expect(rowsIn(file).entry).toBe(0), within(10_000))
    clock.moveSeconds(-600)

    expect(await store.read('log', undefined, 10)).toMatchObject([{ value: 'a revocation' }])
  })

  it('stays bounded while entries come and expire at the same rate', async () => {
    const [clock, file] = [movableClock(), await aFile()]
    const store = await open(file, clock)
    for (let i = 0; i < 100; i++) {
      const keys = Array.from({ length: 50 }, (_, j): Key => `kind:{aa}:${i}-${j}`)
      await Promise.all(keys.map((key) => store.put(key, 'x', { ttlSeconds: 10 })))
      clock.moveSeconds(1)
    }

    expect(rowsIn(file).entry).toBeLessThan(1000)
  })

  it.each(['new', 'made before files could shrink'])(
    '[B24] becomes small again when it has expired (%s)',
    async (age) => {
      const [clock, file] = [movableClock(), await aFile()]
      if (age !== 'new') inspect(file).exec(`PRAGMA journal_mode = WAL; ${OLD_LAYOUT}`)
      const store = await open(file, clock)
      const value = 'x'.repeat(8000)
      for (let i = 0; i < 25; i++) {
        const puts = Array.from({ length: 100 }, (_, j) => store.put(`kind:{aa}:${i}-${j}`, value, { ttlSeconds: 60 }))
        await Promise.all(puts)
      }
      const peak = (await stat(file)).size
      expect(peak).toBeGreaterThan(15_000_000)

      clock.moveSeconds(60)

      await vi.waitFor(async () => expect((await stat(file)).size).toBeLessThan(6_000_000), within(20_000))
    },
  )

  it('is found by index: no statement reads a whole table', async () => {
    const database = await openDatabase(await aFile(), Date.now())
    onTestFinished(() => database.close())

    for (const statement of Object.values(prepareStatements(database)).flat()) {
      const plan = database.prepare(`EXPLAIN QUERY PLAN ${statement.sourceSQL}`).all()
      expect(plan.filter(({ detail }) => /^SCAN (entry|link|log|source|ref)\b/.test(String(detail)))).toEqual([])
    }
  })
})

const OLD_LAYOUT = `
  CREATE TABLE entry (
    key TEXT NOT NULL UNIQUE, value TEXT NOT NULL, version INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL, refs TEXT,
    member_of TEXT, consumed_at_ms INTEGER, consumed_by TEXT, note TEXT, note_expires_at_ms INTEGER
  ) STRICT;
  CREATE INDEX entry_expiry ON entry (expires_at_ms);
  CREATE INDEX entry_member_of ON entry (member_of) WHERE member_of IS NOT NULL;
`

async function aFile(folder = ''): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'grantor-test-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return join(directory, folder, 'grantor.db')
}

async function open(file: string, clock = systemClock): Promise<EmbeddedStore> {
  const store = await openEmbeddedStore({ file, clock })
  onTestFinished(() => store.close())
  return store
}

function isSafe(rowId: bigint): boolean {
  return Number.isSafeInteger(Number(rowId))
}

/** A connection of our own, to look at the file from outside. */
function inspect(file: string): DatabaseSync {
  const database = new DatabaseSync(file)
  onTestFinished(() => database.close())
  return database
}

function rowsIn(file: string): Record<string, number> {
  const database = new DatabaseSync(file)
  const count = (table: string) => Number(database.prepare(`SELECT count(*) AS rows FROM ${table}`).get()?.rows)
  const rows = Object.fromEntries(['entry', 'link', 'log'].map((table) => [table, count(table)]))
  database.close()
  return rows
}

function aProcess(file: string, task: 'race' | 'write'): ChildProcessByStdio<null, Readable, null> {
  const script = fileURLToPath(new URL('embedded-process.ts', import.meta.url))
  const child = spawn(process.execPath, [script, file, task], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}
