import { describe, expect, it } from 'vitest'

import { createTally, type Occurrence } from '../../src/limits/tally.ts'
import { movableClock } from '../support/movable-clock.ts'

describe('a tally of what strangers can cause', () => {
  /** What is recorded of so many occurrences. */
  function recorded(tally: ReturnType<typeof createTally>, times: number, one: (at: number) => Occurrence): number[] {
    return Array.from({ length: times }, (_, at) => tally.count(one(at))).filter((count) => count !== undefined)
  }

  it('[A13] lets the first of an address be recorded, and then powers of ten', () => {
    const tally = createTally({ clock: movableClock() })

    expect(recorded(tally, 5000, () => ({ event: 'e', address: '192.0.2.1' }))).toEqual([1, 10, 100, 1000])
    expect(recorded(tally, 1, () => ({ event: 'e', address: '192.0.2.2' }))).toEqual([1])
    expect(recorded(tally, 1, () => ({ event: 'other', address: '192.0.2.1' }))).toEqual([1])
    expect(recorded(tally, 1, () => ({ event: 'e', address: '192.0.2.1', about: 'shop' }))).toEqual([1])
  })

  it('[A13] begins again after an hour', () => {
    const clock = movableClock()
    const tally = createTally({ clock })
    recorded(tally, 5, () => ({ event: 'e', address: '192.0.2.1' }))
    clock.moveSeconds(3600)

    expect(recorded(tally, 5, () => ({ event: 'e', address: '192.0.2.1' }))).toEqual([1])
  })

  it('[A13] is bounded for a network, and for all of them together', () => {
    const tally = createTally({ clock: movableClock() })
    const ofOneNetwork = recorded(tally, 20_000, (at) => ({ event: 'e', address: `2001:db8:1:${at.toString(16)}::1` }))
    expect(ofOneNetwork.length).toBeLessThan(110)

    const ofMany = recorded(tally, 30_000, (at) => ({
      event: 'e',
      address: `2001:${(at >> 16).toString(16)}:${(at & 0xffff).toString(16)}::1`,
    }))
    expect(ofMany.length).toBeLessThan(1000)
  })
})
