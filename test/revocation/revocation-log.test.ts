import { describe, expect, it, vi } from 'vitest'

import { openRevocationLog, type RevocationLog } from '../../src/revocation/revocation-log.ts'
import { epochSeconds } from '../../src/base/clock.ts'
import type { Store } from '../../src/store/store.ts'
import { openTestStore, openTestStores } from '../support/embedded-store.ts'
import { movableClock } from '../support/movable-clock.ts'
import { within } from '../support/figures.ts'

const KEEP = 600
const SOON = within(1000)

describe('the revocation log', () => {
  it('covers here as soon as it is published, and on every node within a second', async () => {
    const clock = movableClock()
    const stores = await openTestStores(clock, 2)
    const [here, there] = (await Promise.all(stores.map((store) => open(store, clock)))) as [
      RevocationLog,
      RevocationLog,
    ]

    await here.publish({ gid: 'g1' })

    expect(here.covers({ gid: 'g1', iat: 1 })).toBe(true)
    expect(here.covers({ gid: 'g2', iat: 1 })).toBe(false)
    await vi.waitFor(() => expect(there.covers({ gid: 'g1', iat: 1 })).toBe(true), SOON)
  })

  it('is known in full to a node that starts later', async () => {
    const clock = movableClock()
    const store = await openTestStore(clock)
    const first = await open(store, clock)
    await Promise.all(Array.from({ length: 2500 }, (_, at) => first.publish({ jti: `j${at}` })))

    const later = await open(store, clock)

    expect([later.covers({ jti: 'j0' }), later.covers({ jti: 'j2499' })]).toEqual([true, true])
  })

  it('is read a page at a time, each once and in order, with a cursor', async () => {
    const { log } = await withEntries(5)

    const first = log.read(undefined, 2)
    const second = log.read(first.cursor, 2)
    const third = log.read(second.cursor, 2)
    const none = log.read(third.cursor, 2)

    expect([first, second, third, none].map(({ entries }) => entries.map(({ jti }) => jti))).toEqual([
      ['j0', 'j1'],
      ['j2', 'j3'],
      ['j4'],
      [],
    ])
    expect([first, second, third, none].map(({ more }) => more)).toEqual([true, true, false, false])
    expect([second, third, none].some(({ fromStart }) => fromStart)).toBe(false)
    expect(none.cursor).toBe(third.cursor)
  })

  it('gives everything that lives, and says so, to a reader whose cursor it does not know', async () => {
    const { log } = await withEntries(3)

    const { entries, fromStart } = log.read('of another store', 10)

    expect(fromStart).toBe(true)
    expect(entries).toHaveLength(3)
  })

  it('keeps an entry for as long as a token may live that any node issued, and no longer', async () => {
    const clock = movableClock()
    const store = await openTestStore(clock)
    let longest = 100
    const log = await openRevocationLog({ store, clock, keepSeconds: () => longest })
    await log.publish({ jti: 'short' })
    longest = 1000

    await log.publish({ jti: 'long' })

    await vi.waitFor(() => expect(log.read(undefined, 10).entries).toHaveLength(2), SOON)
    expect(log.read(undefined, 10).entries.map(({ exp }) => exp - epochSeconds(clock))).toEqual([100, 1000])
    clock.moveSeconds(100)
    expect(log.read(undefined, 10).entries.map(({ jti }) => jti)).toEqual(['long'])
  })

  it('lets a reader who is up to date go on after all that it had read was forgotten', async () => {
    const { log, clock } = await withEntries(3)
    const { cursor } = log.read(undefined, 10)

    clock.moveSeconds(KEEP + 1)
    await log.publish({ jti: 'next' })
    await vi.waitFor(() => expect(log.read(undefined, 10).entries).toHaveLength(1), SOON)
    const page = log.read(cursor, 10)

    expect(page.fromStart).toBe(false)
    expect(page.entries.map(({ jti }) => jti)).toEqual(['next'])
    expect(log.read('0', 10).fromStart).toBe(true)
  })
})

async function open(store: Store, clock: () => number): Promise<RevocationLog> {
  return openRevocationLog({ store, clock, keepSeconds: () => KEEP })
}

async function withEntries(count: number) {
  const clock = movableClock()
  const store = await openTestStore(clock)
  const log = await open(store, clock)
  for (let at = 0; at < count; at++) await log.publish({ jti: `j${at}` })
  await vi.waitFor(() => expect(log.read(undefined, 100).entries).toHaveLength(count), SOON)
  return { clock, log }
}
