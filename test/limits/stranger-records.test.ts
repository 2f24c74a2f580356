import { describe, expect, it } from 'vitest'

import { createStrangerRecords } from '../../src/limits/stranger-records.ts'
import { movableClock } from '../support/movable-clock.ts'

const MB = 1024 * 1024
const WINDOW_SECONDS = 900

const store = { status: () => ({ ready: true, hasRoom: true, silentMs: 0 }) }

function records() {
  const monotonic = movableClock(0)
  return {
    monotonic,
    strangers: createStrangerRecords({ windowSeconds: WINDOW_SECONDS, store, monotonic }),
  }
}

/** How many records of 10 kB fit, of so many addresses in turn. */
function storedOf(
  strangers: ReturnType<typeof records>['strangers'],
  addressOf: (round: number) => string,
  rounds: number,
) {
  let stored = 0
  for (let round = 0; round < rounds; round++) {
    try {
      strangers.count(addressOf(round), 10_000)
      stored++
    } catch {
      // Refused; the next address may have room.
    }
  }
  return stored
}

describe('what strangers make the store keep [A2]', () => {
  it('is bounded for an address, with the status that says so', () => {
    const { strangers } = records()

    expect(storedOf(strangers, () => '192.0.2.1', 1000) * 10_300).toBeLessThan(2 * MB)
    expect(() => strangers.count('192.0.2.1', 10_000)).toThrow(expect.objectContaining({ status: 429 }))
    expect(() => strangers.count('192.0.2.2', 10_000)).not.toThrow()
  })

  it.each([
    ['a /64 of IPv6 as for one address', (round: number) => `2001:db8:0:1::${round.toString(16)}`, 2],
    ['a /48 of IPv6', (round: number) => `2001:db8:0:${round.toString(16)}::1`, 8],
    ['a /24 of IPv4', (round: number) => `192.0.2.${round % 256}`, 8],
    ['a thousand networks', (round: number) => `10.${Math.floor(round / 250)}.${round % 250}.1`, 64],
  ])('is bounded for %s', (_name, addressOf, mostMb) => {
    const stored = storedOf(records().strangers, addressOf, 20_000) * 10_300

    expect(stored).toBeLessThanOrEqual(mostMb * MB)
    expect(stored).toBeGreaterThan(mostMb * MB * 0.95)
  })

  it('is 503 when it is not the share of this caller that is used up', () => {
    const { strangers } = records()
    storedOf(strangers, (round) => `10.${Math.floor(round / 250)}.${round % 250}.1`, 20_000)

    expect(() => strangers.count('198.51.100.1', 10_000)).toThrow(expect.objectContaining({ status: 503 }))
  })

  it('has room again as records expire, and at once for one that was finished', () => {
    const { strangers, monotonic } = records()
    const full = storedOf(strangers, () => '192.0.2.1', 1000)

    strangers.release('192.0.2.1', 10_000)
    expect(storedOf(strangers, () => '192.0.2.1', 1000)).toBe(1)

    monotonic.moveSeconds(WINDOW_SECONDS / 2)
    expect(storedOf(strangers, () => '192.0.2.1', 1000)).toBeGreaterThan(full / 2 - 2)
    monotonic.moveSeconds(WINDOW_SECONDS)
    expect(storedOf(strangers, () => '192.0.2.1', 1000)).toBe(full)
  })

  it('gives no credit for what was never counted', () => {
    const { strangers } = records()
    for (let round = 0; round < 1000; round++) strangers.release('192.0.2.1', 10_000)

    expect(storedOf(strangers, () => '192.0.2.1', 1000) * 10_300).toBeLessThan(2 * MB)
  })
})
