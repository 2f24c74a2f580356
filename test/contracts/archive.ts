/** What every archive promises: the sentences of src/store/backup/archive.ts. `other` is one of another kind or of the same. */

import { describe, expect, it } from 'vitest'

import type { Clock } from '../../src/base/clock.ts'
import type { Archive, StoredRecord } from '../../src/store/backup/archive.ts'
import { keys } from '../../src/store/keys.ts'
import type { Key, Store } from '../../src/store/store.ts'
import { movableClock } from '../support/movable-clock.ts'

export interface OpenedArchive {
  readonly store: Store
  readonly archive: Archive
}

type Open = (clock: Clock) => Promise<OpenedArchive>

const GRANT = 'AAgrant'
const [grant, code, refresh, list] = [
  keys.grant(GRANT),
  'code:{AA}:x',
  'refresh:{AA}:y',
  keys.grantMembers(GRANT),
] as Key[] as [Key, Key, Key, Key]

export function archiveContract(name: string, open: Open, openOther: Open): void {
  describe(name, () => {
    it('loads into another store what it dumped, and all verbs find it as it was', async () => {
      const clock = movableClock(Date.now())
      const from = await open(clock)
      const to = await openOther(clock)
      await fill(from.store)

      await copy(from.archive, to.archive)

      expect(await to.store.get('account:{aa}:1')).toEqual({ value: 'Grüße\n', version: 2 })
      expect(await to.store.getLinked(refresh)).toEqual(await from.store.getLinked(refresh))
      expect((await to.store.getLinked(refresh))?.refs.get(grant)?.value).toBe('granted')
      expect(await to.store.consume(code, 'me')).toEqual({ outcome: 'won' })
      expect(await to.store.consume(code, 'another')).toMatchObject({ outcome: 'lost', consumed: { note: 'noted' } })
      expect((await to.store.members(list)).sort()).toEqual([code, refresh].sort())
      expect(await to.store.members('account-grants:{bb}:1')).toEqual([GRANT])
      expect((await to.store.read('audit', undefined, 10)).map(({ value }) => value)).toEqual(['first', 'second'])
      await to.store.removeMembers(list, [grant])
      expect(await to.store.getMany([code, refresh, grant])).toEqual([undefined, undefined, undefined])
    })

    it('keeps what is remembered of a spent entry', async () => {
      const clock = movableClock(Date.now())
      const from = await open(clock)
      const to = await openOther(clock)
      await from.store.put(grant, 'granted', { ttlSeconds: 600 })
      await from.store.put(refresh, 'spent', { ttlSeconds: 600 })
      await from.store.consume(refresh, 'me', { spent: { in: keys.spent(GRANT), keepSeconds: 1 } })

      await copy(from.archive, to.archive)

      expect(await to.store.wasSpent(keys.spent(GRANT), refresh)).toBe(true)
      expect(await to.store.wasSpent(keys.spent(GRANT), code)).toBe(false)
      clock.moveSeconds(600)
      expect(await to.store.wasSpent(keys.spent(GRANT), refresh)).toBe(false)
    })

    it('ends each record when it would have ended, and leaves out what has', async () => {
      const clock = movableClock(Date.now())
      const from = await open(clock)
      const to = await openOther(clock)
      await fill(from.store)
      const records = await dumped(from.archive)

      clock.moveSeconds(300)
      await to.archive.load(records)
      expect(await to.store.get(code)).toBeUndefined()
      expect(await to.store.get(refresh)).toBeDefined()
      clock.moveSeconds(300)
      expect(await to.store.get(refresh)).toBeUndefined()
      expect(await to.store.members('account-grants:{bb}:1')).toEqual([])
      expect(await to.store.get('account:{aa}:1')).toBeDefined()
    })

    it('leaves the identity alone', async () => {
      const { store, archive } = await open(movableClock(Date.now()))
      await store.put(keys.identity(), 'mine')
      expect(await archive.isEmpty()).toBe(true)
      await fill(store)
      expect(await archive.isEmpty()).toBe(false)
      expect((await dumped(archive)).filter((record) => record.kind === 'entry' && record.value === 'mine')).toEqual([])

      await archive.clear()

      expect(await archive.isEmpty()).toBe(true)
      expect((await store.get(keys.identity()))?.value).toBe('mine')
    })

    it('dumps more than one batch', async () => {
      const clock = movableClock(Date.now())
      const from = await open(clock)
      const to = await openOther(clock)
      const names = Array.from({ length: 1700 }, (_, i): Key => `kind:{aa}:${i}`)
      await Promise.all(names.map((key) => from.store.put(key, key)))
      await Promise.all(names.map((key) => from.store.append('audit', key, 600)))

      await copy(from.archive, to.archive)

      expect((await to.store.getMany(names)).map((entry) => entry?.value)).toEqual(names)
      expect((await to.store.read('audit', undefined, 2000)).map(({ value }) => value).sort()).toEqual(names.toSorted())
    })
  })
}

async function fill(store: Store): Promise<void> {
  await store.put('account:{aa}:1', 'first')
  await store.put('account:{aa}:1', 'Grüße\n')
  await store.put(grant, 'granted', { ttlSeconds: 600 })
  await store.put(code, 'code', { ttlSeconds: 300, refs: [grant], memberOf: list })
  await store.consume(code, 'me', {
    note: 'noted',
    noteSeconds: 60,
    successor: { key: refresh, value: 'refresh', options: { ttlSeconds: 600, refs: [grant], memberOf: list } },
  })
  await store.link('account-grants:{bb}:1', GRANT, 600)
  await store.append('audit', 'first', 600)
  await store.append('audit', 'second', 600)
}

async function dumped(archive: Archive): Promise<StoredRecord[]> {
  const records: StoredRecord[] = []
  for await (const batch of archive.dump()) records.push(...batch)
  return records
}

async function copy(from: Archive, to: Archive): Promise<void> {
  for await (const batch of from.dump()) await to.load(batch)
}
