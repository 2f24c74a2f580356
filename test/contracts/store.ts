/**
 * What every store promises: the sentences of src/store/store.ts, each as a test.
 *
 * Run by test/store/*-store.test.ts on every maker and topology. `second` opens another store on the same data, as
 * another process or node would.
 */

import fc from 'fast-check'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import type { Clock } from '../../src/base/clock.ts'
import type { Consumed, Key, LogEntry, PutOptions, Store } from '../../src/store/store.ts'
import { type MovableClock, movableClock } from '../support/movable-clock.ts'
import { within } from '../support/figures.ts'

export interface OpenedStore {
  readonly store: Store
  second(): Promise<Store>
  close(): Promise<void>
}

const CALLERS = 100

export function storeContract(name: string, open: (clock: Clock) => Promise<OpenedStore>): void {
  describe(name, () => {
    let clock: MovableClock
    let opened: OpenedStore
    let store: Store
    let other: Store

    beforeAll(async () => {
      // Beside the real time, because Redis deletes by its own clock.
      clock = movableClock(Date.now())
      opened = await open(clock)
      store = opened.store
      other = await opened.second()
    })

    afterAll(() => opened.close())

    describe('an entry', () => {
      it('is given as it was put, to every store on the same data', async () => {
        const key = aKey()
        const value = JSON.stringify({ text: 'Grüße, 世界 \u0000\n', empty: '' })

        expect(await store.put(key, value)).toBe('stored')

        expect(await store.get(key)).toEqual({ value, version: 1 })
        expect(await other.get(key)).toEqual({ value, version: 1 })
      })

      it('may be empty, and may be long', async () => {
        const [empty, long] = [aKey(), aKey()]
        await store.put(empty, '')
        await store.put(long, 'x'.repeat(100_000))

        expect((await store.get(empty))?.value).toBe('')
        expect((await store.get(long))?.value).toHaveLength(100_000)
      })

      it('that was never put is undefined', async () => {
        expect(await store.get(aKey())).toBeUndefined()
        expect(await store.take(aKey())).toBeUndefined()
        expect(await store.getLinked(aKey())).toBeUndefined()
      })

      it('counts its versions', async () => {
        const key = aKey()
        await store.put(key, 'a')
        await other.put(key, 'b')
        await store.put(key, 'c')

        expect(await store.get(key)).toEqual({ value: 'c', version: 3 })
      })

      it('is a copy: changing what was given changes nothing stored', async () => {
        const key = aKey()
        await store.put(key, 'kept')

        Object.assign((await store.get(key)) ?? {}, { value: 'changed' })

        expect((await store.get(key))?.value).toBe('kept')
      })

      it('lives until its time to live has passed on the injected clock, not one millisecond longer', async () => {
        const key = aKey()
        await store.put(key, 'x', { ttlSeconds: 60 })

        clock.moveSeconds(59.999)
        expect((await store.get(key))?.value).toBe('x')

        clock.moveSeconds(0.001)
        expect(await store.get(key)).toBeUndefined()
      })

      it('that has expired is there for no verb', async () => {
        const [key, index] = [aKey(), aKey('index')]
        await store.put(key, 'x', { ttlSeconds: 60, memberOf: index })
        clock.moveSeconds(60)

        expect(await store.getMany([key])).toEqual([undefined])
        expect(await store.getLinked(key)).toBeUndefined()
        expect(await store.take(key)).toBeUndefined()
        expect(await store.consume(key, 'me')).toEqual({ outcome: 'gone' })
        expect(await store.put(key, 'y', { ifVersion: 1 })).toBe('gone')
        expect(await store.put(aKey(), 'y', { ifPresent: [key] })).toBe('gone')
        expect(await store.members(index)).toEqual([])
      })

      it('put where one has expired is a new one', async () => {
        const key = aKey()
        await store.put(key, 'old', { ttlSeconds: 60 })
        await store.put(key, 'old', { ttlSeconds: 60 })
        await store.consume(key, 'me')
        clock.moveSeconds(60)

        expect(await store.put(key, 'new', { ifAbsent: true, ttlSeconds: 60 })).toBe('stored')

        expect(await store.get(key)).toEqual({ value: 'new', version: 1 })
      })

      it('put again has the new time to live, or none', async () => {
        const key = aKey()
        await store.put(key, 'x', { ttlSeconds: 10 })
        await store.put(key, 'x', { ttlSeconds: 100 })
        clock.moveSeconds(50)
        expect(await store.get(key)).toBeDefined()

        await store.put(key, 'x')
        clock.moveSeconds(1_000_000)
        expect(await store.get(key)).toBeDefined()
      })

      it('with no time left to live is stored and at once gone', async () => {
        const key = aKey()
        expect(await store.put(key, 'x', { ttlSeconds: 0 })).toBe('stored')
        expect(await store.get(key)).toBeUndefined()
      })

      it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses a time to live of %s', async (ttlSeconds) => {
        await expect(store.put(aKey(), 'x', { ttlSeconds })).rejects.toThrow(TypeError)
      })
    })

    describe('put', () => {
      it('with ifAbsent stores only where nothing lives', async () => {
        const key = aKey()
        expect(await store.put(key, 'first', { ifAbsent: true })).toBe('stored')
        expect(await other.put(key, 'second', { ifAbsent: true })).toBe('exists')
        expect((await store.get(key))?.value).toBe('first')
      })

      it('with ifVersion stores only over that version', async () => {
        const key = aKey()
        expect(await store.put(key, 'a', { ifVersion: 1 })).toBe('gone')
        await store.put(key, 'a')

        expect(await store.put(key, 'b', { ifVersion: 1 })).toBe('stored')
        expect(await other.put(key, 'c', { ifVersion: 1 })).toBe('changed')
        expect(await store.get(key)).toEqual({ value: 'b', version: 2 })
      })

      it('with ifPresent stores only while all of them live', async () => {
        const [key, alive, missing] = [aKey(), aKey(), aKey()]
        await store.put(alive, 'x')

        expect(await store.put(key, 'x', { ifPresent: [alive, missing] })).toBe('gone')
        expect(await store.get(key)).toBeUndefined()
        expect(await store.put(key, 'x', { ifPresent: [alive] })).toBe('stored')
      })

      it('with ifPresent naming the entry itself stores only over a live one', async () => {
        const key = aKey()
        expect(await store.put(key, 'x', { ifPresent: [key] })).toBe('gone')
        await store.put(key, 'x')
        expect(await store.put(key, 'y', { ifPresent: [key] })).toBe('stored')
      })

      it.each(['ifAbsent', 'ifVersion'] as const)('with %s lets one of a hundred callers win', async (condition) => {
        const key = aKey()
        if (condition === 'ifVersion') await store.put(key, 'before')
        const options: PutOptions = condition === 'ifAbsent' ? { ifAbsent: true } : { ifVersion: 1 }

        const outcomes = await Promise.all(callers().map((each, i) => each.put(key, `by ${i}`, options)))

        const winner = outcomes.indexOf('stored')
        expect(outcomes.filter((outcome) => outcome === 'stored')).toHaveLength(1)
        expect((await store.get(key))?.value).toBe(`by ${winner}`)
      })

      it('leaves a consumed entry consumed', async () => {
        const key = aKey()
        await store.put(key, 'x')
        await store.consume(key, 'me')

        await store.put(key, 'y')

        expect(await store.get(key)).toMatchObject({ value: 'y', consumed: { atMs: clock() } })
        expect(await store.consume(key, 'you')).toMatchObject({ outcome: 'lost' })
      })

      it('refuses keys of different shards, which no Cluster could touch in one step', async () => {
        const foreign = aKey('kind', 'zz')
        for (const options of [{ ifPresent: [foreign] }, { refs: [foreign] }, { memberOf: foreign }]) {
          await expect(store.put(aKey(), 'x', options)).rejects.toThrow(TypeError)
        }
      })
    })

    describe('getMany', () => {
      it('keeps the order of the keys, whatever their shards', async () => {
        const keys = ['aa', 'bb', 'cc', 'dd'].map((shard) => aKey('kind', shard))
        await Promise.all(keys.slice(1).map((key) => store.put(key, key)))

        const entries = await store.getMany(keys)

        expect(entries.map((entry) => entry?.value)).toEqual([undefined, ...keys.slice(1)])
        expect(await store.getMany([])).toEqual([])
      })
    })

    describe('getLinked', () => {
      it('gives the entry with those of its refs that live', async () => {
        const [key, grant, session, ended] = [aKey(), aKey('grant'), aKey('session'), aKey('session')]
        await store.put(grant, 'the grant')
        await store.put(session, 'the session')
        await store.put(session, 'the session')
        await store.put(ended, 'the ended session', { ttlSeconds: 60 })
        await store.put(key, 'the code', { refs: [grant, session, ended, aKey()] })
        clock.moveSeconds(60)

        const linked = await other.getLinked(key)

        expect(linked?.entry).toEqual({ value: 'the code', version: 1 })
        expect(linked?.refs).toEqual(
          new Map([
            [grant, { value: 'the grant', version: 1 }],
            [session, { value: 'the session', version: 2 }],
          ]),
        )
      })

      it('tells of the entry and of its refs whether they were consumed', async () => {
        const [key, ref] = [aKey(), aKey()]
        await store.put(ref, 'x')
        await store.put(key, 'x', { refs: [ref] })
        const consumedAt = clock()
        await store.consume(key, 'me', { note: 'sealed\nin two lines', noteSeconds: 5 })
        await store.consume(ref, 'me')

        const linked = await store.getLinked(key)
        clock.moveSeconds(5)
        const later = await store.getLinked(key)

        expect(linked?.entry.consumed).toEqual({ atMs: consumedAt, note: 'sealed\nin two lines' })
        expect(linked?.refs.get(ref)?.consumed).toEqual({ atMs: consumedAt })
        expect(later?.entry.consumed).toEqual({ atMs: consumedAt })
      })

      it('has the refs of the last put', async () => {
        const [key, first, last] = [aKey(), aKey(), aKey()]
        await Promise.all([store.put(first, 'first'), store.put(last, 'last')])
        await store.put(key, 'x', { refs: [first] })
        await store.put(key, 'x', { refs: [last] })
        expect([...((await store.getLinked(key))?.refs.keys() ?? [])]).toEqual([last])

        await store.put(key, 'x')
        expect((await store.getLinked(key))?.refs.size).toBe(0)
      })
    })

    describe('take', () => {
      it('gives the value to exactly one of a hundred callers', async () => {
        const key = aKey()
        await store.put(key, 'x', { ttlSeconds: 60 })

        const taken = await Promise.all(callers().map((each) => each.take(key)))

        expect(taken.filter((value) => value === 'x')).toHaveLength(1)
        expect(taken.filter((value) => value === undefined)).toHaveLength(CALLERS - 1)
        expect(await store.get(key)).toBeUndefined()
      })
    })

    describe('remove', () => {
      it('removes what is there, of any shard, and does not mind what is not', async () => {
        const keys = ['aa', 'bb', 'cc'].map((shard) => aKey('kind', shard))
        await store.put(keys[0] as Key, 'x')
        await store.put(keys[1] as Key, 'x')

        await other.remove(keys)
        await other.remove([])

        expect(await store.getMany(keys)).toEqual([undefined, undefined, undefined])
      })

      it('makes the next put the first', async () => {
        const key = aKey()
        await store.put(key, 'x')
        await store.consume(key, 'me')
        await store.remove([key])
        await store.put(key, 'x', { ifAbsent: true })
        expect(await store.get(key)).toEqual({ value: 'x', version: 1 })
      })
    })

    describe('consume', () => {
      it('lets the first of a hundred callers on two stores win, and tells the others when it did', async () => {
        const key = aKey()
        await store.put(key, 'x', { ttlSeconds: 60 })

        const outcomes = await Promise.all(callers().map((each, i) => each.consume(key, `request ${i}`)))

        expect(outcomes.filter(({ outcome }) => outcome === 'won')).toHaveLength(1)
        const lost: Consumed = { outcome: 'lost', consumed: { atMs: clock() } }
        expect(outcomes.filter(({ outcome }) => outcome !== 'won')).toEqual(Array(CALLERS - 1).fill(lost))
        expect(await store.get(key)).toEqual({ value: 'x', version: 1, consumed: { atMs: clock() } })
      })

      it('lets the same request win again, because its reply may have been lost', async () => {
        const key = aKey()
        await store.put(key, 'x')

        expect(await store.consume(key, 'me')).toEqual({ outcome: 'won' })
        expect(await other.consume(key, 'me')).toEqual({ outcome: 'won' })
        expect(await store.consume(key, 'you')).toMatchObject({ outcome: 'lost' })
      })

      it('of what is not there is gone', async () => {
        expect(await store.consume(aKey(), 'me')).toEqual({ outcome: 'gone' })
      })

      it('leaves losers a note for so many seconds and not longer', async () => {
        const key = aKey()
        await store.put(key, 'x')
        const wonAtMs = clock()
        await store.consume(key, 'me', { note: 'sealed', noteSeconds: 5 })

        clock.moveSeconds(4.999)
        const consumed = { atMs: wonAtMs, note: 'sealed' }
        expect(await other.consume(key, 'you')).toEqual({ outcome: 'lost', consumed })
        expect((await store.get(key))?.consumed).toEqual(consumed)

        clock.moveSeconds(0.001)
        expect(await other.consume(key, 'you')).toEqual({ outcome: 'lost', consumed: { atMs: wonAtMs } })
        expect((await store.get(key))?.consumed).toEqual({ atMs: wonAtMs })
      })

      it('stores the successor in the same step', async () => {
        const [key, grant, index, next] = [aKey(), aKey('grant'), aKey('index'), aKey()]
        await store.put(grant, 'the grant')
        await store.put(key, 'x')
        const options = { ttlSeconds: 60, ifPresent: [grant], refs: [grant], memberOf: index }

        await store.consume(key, 'me', { successor: { key: next, value: 'next', options } })

        expect((await store.getLinked(next))?.refs.get(grant)?.value).toBe('the grant')
        expect(await store.members(index)).toEqual([next])
        clock.moveSeconds(60)
        expect(await store.get(next)).toBeUndefined()
      })

      it('stores only the successor of the winner', async () => {
        const key = aKey()
        await store.put(key, 'x')
        const successors = callers().map(() => aKey())

        const outcomes = await Promise.all(
          callers().map((each, i) =>
            each.consume(key, `request ${i}`, { successor: { key: successors[i] as Key, value: `${i}` } }),
          ),
        )

        const winner = outcomes.findIndex(({ outcome }) => outcome === 'won')
        const stored = (await store.getMany(successors)).filter((entry) => entry !== undefined)
        expect(stored).toEqual([{ value: `${winner}`, version: 1 }])
      })

      it('by the same request again leaves the successor as it is by then', async () => {
        const [key, next] = [aKey(), aKey()]
        await store.put(key, 'x')
        const again = () => store.consume(key, 'me', { successor: { key: next, value: 'next' } })
        await again()
        await store.consume(next, 'you')

        expect(await again()).toEqual({ outcome: 'won' })
        expect(await store.get(next)).toMatchObject({ version: 1, consumed: { atMs: clock() } })

        await store.remove([next])
        expect(await again()).toEqual({ outcome: 'won' })
        expect(await store.get(next)).toBeUndefined()
      })

      it('is gone, and consumes nothing, when what the successor needs is gone', async () => {
        const [key, next] = [aKey(), aKey()]
        await store.put(key, 'x')
        const successor = { key: next, value: 'next', options: { ifPresent: [aKey('grant')] } }

        expect(await store.consume(key, 'me', { successor })).toEqual({ outcome: 'gone' })

        expect(await store.get(key)).toEqual({ value: 'x', version: 1 })
        expect(await store.get(next)).toBeUndefined()
      })

      it('refuses a successor of another shard', async () => {
        const successor = { key: aKey('kind', 'zz'), value: 'x' }
        await expect(store.consume(aKey(), 'me', { successor })).rejects.toThrow(TypeError)
      })
    })

    describe('[B24] a spent entry', () => {
      const spentIn = (record: Key) => ({ spent: { in: record, keepSeconds: 10 } })

      it('is kept for so many seconds, and remembered for as long as it would have lived', async () => {
        const [key, record, index, unused] = [aKey(), aKey('spent'), aKey('index'), aKey()]
        for (const each of [key, unused]) await store.put(each, 'x', { ttlSeconds: 60, memberOf: index })
        const consumed = { atMs: clock(), note: 'sealed' }
        await store.consume(key, 'me', { note: 'sealed', noteSeconds: 10, ...spentIn(record) })
        expect(await other.consume(key, 'me')).toEqual({ outcome: 'won' })
        clock.moveSeconds(9.999)
        expect(await other.get(key)).toEqual({ value: 'x', version: 1, consumed })
        expect((await store.members(index)).sort()).toEqual([key, unused].sort())

        clock.moveSeconds(0.001)
        expect(await store.get(key)).toBeUndefined()
        expect(await store.consume(key, 'you')).toEqual({ outcome: 'gone' })
        expect(await store.members(index)).toEqual([unused])
        clock.moveSeconds(49)
        expect([await other.wasSpent(record, key), await other.wasSpent(record, unused)]).toEqual([true, false])
        expect(await other.wasSpent(aKey('spent'), key)).toBe(false)

        clock.moveSeconds(1)
        expect(await store.wasSpent(record, key)).toBe(false)
      })

      it('lives no longer than it would have', async () => {
        const [key, record] = [aKey(), aKey('spent')]
        await store.put(key, 'x', { ttlSeconds: 5 })
        await store.consume(key, 'me', spentIn(record))
        clock.moveSeconds(5)
        expect(await store.get(key)).toBeUndefined()
        expect(await store.wasSpent(record, key)).toBe(false)
      })

      it('without an end is remembered without one', async () => {
        const [key, record] = [aKey(), aKey('spent')]
        await store.put(key, 'x')
        await store.consume(key, 'me', spentIn(record))
        clock.moveSeconds(1_000_000)
        expect(await store.wasSpent(record, key)).toBe(true)
      })

      it('is forgotten with its record, whichever verb removes it', async () => {
        for (const removal of ['remove', 'removeMembers'] as const) {
          const [key, record] = [aKey(), aKey('spent')]
          await store.put(key, 'x')
          await store.consume(key, 'me', spentIn(record))
          if (removal === 'remove') await other.remove([record])
          else await other.removeMembers(aKey('index'), [record])
          expect(await store.wasSpent(record, key)).toBe(false)
        }
      })

      it('is remembered among thousands that end one after the other', async () => {
        const record = aKey('spent')
        const chain = Array.from({ length: 300 }, () => aKey())
        for (const key of chain) {
          await store.put(key, 'x', { ttlSeconds: 100 })
          await store.consume(key, 'me', spentIn(record))
          clock.moveSeconds(1)
        }
        const found = await Promise.all(chain.map((key) => other.wasSpent(record, key)))
        expect(found).toEqual(chain.map((_, i) => i > 200))
      })

      it('of a consume that does not win is not remembered', async () => {
        const [key, record] = [aKey(), aKey('spent')]
        const successor = { key: aKey(), value: 'next', options: { ifPresent: [aKey('grant')] } }
        await store.put(key, 'x', { ttlSeconds: 60 })
        expect(await store.consume(key, 'me', { successor, ...spentIn(record) })).toEqual({ outcome: 'gone' })
        clock.moveSeconds(20)
        expect(await store.get(key)).toEqual({ value: 'x', version: 1 })
        expect(await store.wasSpent(record, key)).toBe(false)
      })

      it('is remembered in its own shard', async () => {
        await expect(store.consume(aKey(), 'me', spentIn(aKey('spent', 'zz')))).rejects.toThrow(TypeError)
      })
    })

    describe('increment', () => {
      it('counts every one of a hundred callers', async () => {
        const key = aKey()

        const counted = await Promise.all(callers().map((each) => each.increment(key, 60)))

        const counts = counted.map(({ count }) => count).sort((a, b) => a - b)
        expect(counts).toEqual(Array.from({ length: CALLERS }, (_, i) => i + 1))
      })

      it('starts again when the time that the first call set has passed', async () => {
        const key = aKey()
        const expiresAtMs = clock() + 60_000
        expect(await store.increment(key, 60)).toEqual({ count: 1, expiresAtMs })
        clock.moveSeconds(59)
        expect(await store.increment(key, 60)).toEqual({ count: 2, expiresAtMs })

        clock.moveSeconds(1)
        expect(await store.increment(key, 60)).toEqual({ count: 1, expiresAtMs: clock() + 60_000 })
      })

      it('makes an entry whose value is the count, and whose removal starts it again', async () => {
        const key = aKey()
        await store.increment(key, 60)
        await store.increment(key, 60)
        expect((await store.get(key))?.value).toBe('2')

        await store.remove([key])
        expect((await store.increment(key, 60)).count).toBe(1)
      })
    })

    describe('decrement', () => {
      it('[A6] takes one back for each of its callers, and leaves the expiry alone', async () => {
        const key = aKey()
        for (let i = 0; i < 5; i += 1) await store.increment(key, 60)
        const { expiresAtMs } = await store.increment(key, 60)
        clock.moveSeconds(10)

        await Promise.all([store.decrement(key, 10), other.decrement(key, 10), store.decrement(key, 10)])

        expect((await store.get(key))?.value).toBe('3')
        expect(await other.increment(key, 60)).toEqual({ count: 4, expiresAtMs })
      })

      it('[A6] gives nothing back for what was counted beyond the limit', async () => {
        const key = aKey()
        for (let i = 0; i < 20; i += 1) await store.increment(key, 60)

        await store.decrement(key, 5)

        expect(await store.increment(key, 60)).toMatchObject({ count: 5 })
      })

      it('[A6] removes a counter that reaches zero, and makes none', async () => {
        const key = aKey()
        await store.increment(key, 60)
        await store.decrement(key, 5)
        expect(await store.get(key)).toBeUndefined()

        await store.decrement(key, 5)
        expect(await store.get(key)).toBeUndefined()
        expect(await store.increment(key, 60)).toMatchObject({ count: 1 })
      })

      it('[A6] does nothing to a counter whose time is over', async () => {
        const key = aKey()
        await store.increment(key, 60)
        await store.increment(key, 60)
        clock.moveSeconds(60)

        await store.decrement(key, 5)

        expect(await store.increment(key, 60)).toMatchObject({ count: 1 })
      })
    })

    describe('an index', () => {
      it('lists what was linked until it is unlinked or its time has passed', async () => {
        const index = aKey('index')
        await store.link(index, 'short', 10)
        await store.link(index, 'long', 100)
        await store.link(index, 'cut', 100)
        await other.unlink(index, 'cut')
        await other.unlink(index, 'never there')
        expect((await store.members(index)).sort()).toEqual(['long', 'short'])

        clock.moveSeconds(10)
        expect(await store.members(index)).toEqual(['long'])
        await store.link(index, 'long', 200)
        clock.moveSeconds(100)
        expect(await other.members(index)).toEqual(['long'])
      })

      it('lists an entry for as long as it lives', async () => {
        const [index, expiring, staying, taken, removed] = [aKey('index'), aKey(), aKey(), aKey(), aKey()]
        await store.put(expiring, 'x', { ttlSeconds: 60, memberOf: index })
        for (const key of [staying, taken, removed]) await store.put(key, 'x', { memberOf: index })
        expect((await store.members(index)).sort()).toEqual([expiring, staying, taken, removed].sort())

        await store.take(taken)
        await store.remove([removed])
        clock.moveSeconds(60)

        expect(await store.members(index)).toEqual([staying])
      })

      it('follows the entry to the index and the time of its last put', async () => {
        const [first, last, key] = [aKey('index'), aKey('index'), aKey()]
        await store.put(key, 'x', { ttlSeconds: 10, memberOf: first })
        await store.put(key, 'x', { ttlSeconds: 100, memberOf: last })
        clock.moveSeconds(50)
        expect([await store.members(first), await store.members(last)]).toEqual([[], [key]])

        await store.put(key, 'x')
        expect(await store.members(last)).toEqual([])
      })

      it('that was never written has no members', async () => {
        expect(await store.members(aKey('index'))).toEqual([])
      })
    })

    describe('removeMembers', () => {
      it('removes every entry the index lists, the index, and other named entries', async () => {
        const [index, grant, code, linked, bystander] = [aKey('index'), aKey('grant'), aKey(), aKey(), aKey()]
        await store.put(grant, 'x')
        await store.put(code, 'x', { memberOf: index })
        for (const key of [linked, bystander]) await store.put(key, 'x')
        await store.link(index, linked, 60)

        await other.removeMembers(index, [grant])

        expect(await store.getMany([grant, code, linked])).toEqual([undefined, undefined, undefined])
        expect(await store.members(index)).toEqual([])
        expect(await store.get(bystander)).toBeDefined()
      })

      it('leaves no gap: a later put under the removed grant gets the result gone', async () => {
        const [index, grant, code] = [aKey('index'), aKey('grant'), aKey()]
        await store.put(grant, 'x')
        await store.put(code, 'x', { memberOf: index })
        const late = { memberOf: index, ifPresent: [grant] }

        await store.removeMembers(index, [grant])

        expect(await other.put(aKey(), 'x', late)).toBe('gone')
        expect(await other.consume(code, 'me', { successor: { key: aKey(), value: 'x', options: late } })).toEqual({
          outcome: 'gone',
        })
        expect(await store.members(index)).toEqual([])
      })

      it('and puts at the same time leave nothing behind', async () => {
        const [index, grant] = [aKey('index'), aKey('grant')]
        await store.put(grant, 'x')
        const puts = callers().map((each) => () => each.put(aKey(), 'x', { memberOf: index, ifPresent: [grant] }))

        await Promise.all(puts.map((put, i) => (i === CALLERS / 2 ? other.removeMembers(index, [grant]) : put())))

        expect(await store.members(index)).toEqual([])
      })
    })

    describe('list', () => {
      it('finds every live key of the kind, a page at a time', async () => {
        const kind = `kind-${randomUUID()}`
        const keys = Array.from({ length: 150 }, (_, i) => aKey(kind, `${10 + (i % 80)}`))
        await Promise.all(keys.map((key) => store.put(key, 'x')))
        await store.put(aKey(kind), 'x', { ttlSeconds: 60 })
        await store.put(aKey(`${kind}-other`), 'x')
        clock.moveSeconds(60)

        const found: Key[] = []
        let cursor: string | undefined
        do {
          const page = await other.list(kind, { limit: 20, ...(cursor !== undefined && { cursor }) })
          found.push(...page.keys)
          cursor = page.cursor
        } while (cursor !== undefined)

        expect([...new Set(found)].sort()).toEqual(keys.sort())
      })

      it('takes a kind as it is spelled, never as a pattern', async () => {
        const kind = `kind-${randomUUID()}`
        await store.put(aKey(kind), 'x')
        for (const pattern of ['*', 'kind-*', `${kind.slice(0, -1)}?`, kind.slice(0, -1)]) {
          expect(await store.list(pattern)).toEqual({ keys: [] })
        }
      })
    })

    describe('a log', () => {
      it('is read in the order of its appends, a page at a time, by every store', async () => {
        const log = aLog()
        const cursors: string[] = []
        for (let i = 0; i < 10; i++) cursors.push(await (i % 2 ? store : other).append(log, `${i}`, 60))

        const first = await store.read(log, undefined, 4)
        const rest = await other.read(log, first.at(-1)?.cursor, 100)

        expect([...first, ...rest]).toEqual(cursors.map((cursor, i) => ({ cursor, value: `${i}` })))
        expect(await store.read(log, cursors.at(-1), 100)).toEqual([])
        expect(await store.read(aLog(), undefined, 100)).toEqual([])
      })

      it('keeps an entry for its time and not longer', async () => {
        const log = aLog()
        await store.append(log, 'long', 100)
        await store.append(log, 'short', 10)
        await store.append(log, 'long too', 100)
        clock.moveSeconds(10)
        const values = async () => (await store.read(log, undefined, 2)).map(({ value }) => value)
        expect(await values()).toEqual(['long', 'long too'])

        clock.moveSeconds(90)
        expect(await values()).toEqual([])
      })

      it('is read from the start for a cursor that is none of its own: again rather than never', async () => {
        const log = aLog()
        await store.append(log, 'x', 60)
        for (const cursor of ['', 'nonsense', '-1', '1e999', '0-', '🙂']) {
          expect(await store.read(log, cursor, 10)).toHaveLength(1)
        }
      })

      it('is followed from a cursor on, across stores, in order and nothing twice', async () => {
        const log = aLog()
        const values = Array.from({ length: 200 }, (_, i) => `${i}`)
        for (const value of values.slice(0, 50)) await store.append(log, value, 60)
        const [, tenth] = await store.read(log, undefined, 2)
        const [fromStart, fromCursor] = [aListener(), aListener()]
        const stops = [
          store.follow(log, undefined, fromStart.listener),
          other.follow(log, tenth?.cursor, fromCursor.listener),
        ]

        for (const value of values.slice(50)) await (Number(value) % 2 ? store : other).append(log, value, 60)

        await vi.waitFor(() => expect(fromStart.heard).toHaveLength(200), within(5000))
        await vi.waitFor(() => expect(fromCursor.heard).toHaveLength(198), within(5000))
        for (const stop of stops) stop()
        expect(fromStart.heard.map(({ value }) => value)).toEqual(values)
        expect(fromCursor.heard.map(({ value }) => value)).toEqual(values.slice(2))
      })

      it('reaches followers on every store within a second of an append', async () => {
        const log = aLog()
        const listeners = [aListener(), aListener()]
        const stops = [store, other].map((each, i) => each.follow(log, undefined, listeners[i]?.listener ?? fail))
        await store.append(log, 'first', 60)
        await vi.waitFor(() => expect(listeners.map(({ heard }) => heard.length)).toEqual([1, 1]), within(5000))

        await store.append(log, 'second', 60)

        await vi.waitFor(() => expect(listeners.map(({ heard }) => heard.length)).toEqual([2, 2]), within(1000))
        for (const stop of stops) stop()
      })

      it('is not heard of after the stop', async () => {
        const log = aLog()
        const [stopped, going] = [aListener(), aListener()]
        const stop = store.follow(log, undefined, stopped.listener)
        const stopOther = store.follow(log, undefined, going.listener)

        stop()
        await other.append(log, 'x', 60)

        await vi.waitFor(() => expect(going.heard).toHaveLength(1), within(5000))
        stopOther()
        expect(stopped.heard).toEqual([])
      })

      it('tells followers nothing that has expired', async () => {
        const log = aLog()
        await store.append(log, 'expired', 10)
        await store.append(log, 'alive', 100)
        clock.moveSeconds(10)
        const follower = aListener()

        const stop = store.follow(log, undefined, follower.listener)

        await vi.waitFor(() => expect(follower.heard).toHaveLength(1), within(5000))
        stop()
        expect(follower.heard[0]?.value).toBe('alive')
      })
    })

    describe('status', () => {
      it('is ready, has room, and has not been silent for long', async () => {
        await vi.waitFor(() => expect(store.status()).toMatchObject({ ready: true, hasRoom: true }), within(5000))
        expect(store.status().problem).toBeUndefined()
        await vi.waitFor(() => expect(store.status().silentMs).toBeLessThan(5000), within(5000))
      })
    })

    describe('any sequence of verbs', () => {
      it('leaves what a simple model says', async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(aStep(), { maxLength: 25 }), async (steps) => {
            const model = new Model()
            const keys = [aKey(), aKey()]
            for (const [i, step] of steps.entries()) {
              const key = keys[step.key] as Key
              const answer = await ask(i % 2 ? store : other, key, step)
              expect(answer).toEqual(model.ask(key, step, clock()))
              clock.moveSeconds(step.passSeconds)
            }
          }),
          { numRuns: 60 },
        )
      })
    })

    describe('a closed store', () => {
      it('answers every verb with StoreUnavailable', async () => {
        const closed = await opened.second()
        await closed.close()
        await closed.close()
        const key = aKey()

        for (const call of everyVerb(closed, key)) {
          await expect(call()).rejects.toMatchObject({ code: 'store_unavailable' })
        }
      })
    })

    function callers(): Store[] {
      return Array.from({ length: CALLERS }, (_, i) => (i % 2 ? store : other))
    }
  })
}

/** A key that no other test has. */
function aKey(kind = 'kind', shard = 'aa'): Key {
  return `${kind}:{${shard}}:${randomUUID()}`
}

function aLog(): string {
  return `log-${randomUUID()}`
}

function aListener() {
  const heard: LogEntry[] = []
  return { heard, listener: (entry: LogEntry) => void heard.push(entry) }
}

function fail(): never {
  throw new Error('there is no such listener')
}

/** Every verb that asks something of the store, for tests of stores that cannot answer. */
export function everyVerb(store: Store, key: Key): (() => Promise<unknown>)[] {
  return [
    () => store.get(key),
    () => store.getMany([key]),
    () => store.confirm(key),
    () => store.getLinked(key),
    () => store.put(key, 'x'),
    () => store.take(key),
    () => store.remove([key]),
    () => store.increment(key, 60),
    () => store.decrement(key, 10),
    () => store.consume(key, 'me'),
    () => store.wasSpent(key, key),
    () => store.link(key, 'member', 60),
    () => store.unlink(key, 'member'),
    () => store.members(key),
    () => store.removeMembers(key),
    () => store.list('kind'),
    () => store.append('log', 'x', 60),
    () => store.read('log', undefined, 10),
  ]
}

interface Step {
  readonly verb: 'get' | 'put' | 'take' | 'consume'
  readonly key: number
  readonly by: string
  readonly options: PutOptions
  readonly passSeconds: number
}

function aStep(): fc.Arbitrary<Step> {
  return fc.record({
    verb: fc.constantFrom('get', 'put', 'put', 'take', 'consume'),
    key: fc.nat({ max: 1 }),
    by: fc.constantFrom('me', 'you'),
    options: fc.oneof(
      fc.record({ ttlSeconds: fc.integer({ min: 1, max: 20 }) }, { requiredKeys: [] }),
      fc.constant({ ifAbsent: true, ttlSeconds: 10 }),
      fc.record({ ifVersion: fc.integer({ min: 1, max: 3 }), ttlSeconds: fc.constant(10) }),
    ),
    passSeconds: fc.constantFrom(0, 0, 1, 5, 15),
  })
}

async function ask(store: Store, key: Key, step: Step): Promise<unknown> {
  if (step.verb === 'put') return store.put(key, step.by, step.options)
  if (step.verb === 'consume') return store.consume(key, step.by)
  return store[step.verb](key)
}

interface ModelEntry {
  value: string
  version: number
  expiresAtMs: number
  consumed?: { atMs: number }
  by?: string
}

/** What put, get, take and consume mean, without expiry by sweeping, without concurrency, in a Map. */
class Model {
  readonly #entries = new Map<Key, ModelEntry>()

  ask(key: Key, step: Step, nowMs: number): unknown {
    const entry = this.#entries.get(key)
    if (entry !== undefined && entry.expiresAtMs <= nowMs) this.#entries.delete(key)
    const live = this.#entries.get(key)
    switch (step.verb) {
      case 'put':
        return this.#put(key, step.by, step.options, live, nowMs)
      case 'consume':
        return consume(live, step.by, nowMs)
      case 'take':
        this.#entries.delete(key)
        return live?.value
      case 'get':
        return live && { value: live.value, version: live.version, ...(live.consumed && { consumed: live.consumed }) }
    }
  }

  #put(key: Key, value: string, options: PutOptions, live: ModelEntry | undefined, nowMs: number): string {
    const { ifAbsent, ifVersion, ttlSeconds = Number.POSITIVE_INFINITY } = options
    if (ifAbsent === true && live !== undefined) return 'exists'
    if (ifVersion !== undefined && live === undefined) return 'gone'
    if (ifVersion !== undefined && live?.version !== ifVersion) return 'changed'
    const version = (live?.version ?? 0) + 1
    this.#entries.set(key, { ...live, value, version, expiresAtMs: nowMs + ttlSeconds * 1000 })
    return 'stored'
  }
}

function consume(live: ModelEntry | undefined, by: string, nowMs: number): Consumed {
  if (live === undefined) return { outcome: 'gone' }
  if (live.consumed !== undefined) {
    return live.by === by ? { outcome: 'won' } : { outcome: 'lost', consumed: live.consumed }
  }
  live.consumed = { atMs: nowMs }
  live.by = by
  return { outcome: 'won' }
}
