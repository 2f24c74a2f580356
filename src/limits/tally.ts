/**
 * Decides which of many similar events are recorded.
 *
 * A caller can cause an event a million times, and each record is kept for months. So of the events of one address in
 * an hour the first ones are recorded, then the 10th, 100th, 1,000th … with their count. One network, and all callers
 * together, have a limit of records an hour. Beyond it again only powers of ten are recorded. Each process counts in
 * its own memory: counting costs no write, and a restart starts from zero.
 */

import type { Clock } from '../base/clock.ts'
import { limitAddress, limitNetwork } from './address.ts'

/** One event that happened. */
export interface Occurrence {
  /** Its name. */
  readonly event: string
  readonly address: string
  /** What else separates the events of one address: an account, a client. Never a text from a request. */
  readonly about?: string | undefined
  /** How many of one address are recorded one by one; the first unless set. */
  readonly each?: number
}

export interface Tally {
  /** Counts it. The count so far, if this one is to be recorded; else `undefined`. */
  count(occurrence: Occurrence): number | undefined
}

const HOUR_MS = 3_600_000
/** Records of one event in an hour. */
const MOST_OF_NETWORK = 100
const MOST_IN_ALL = 1000
// Some 100 bytes each; addresses beyond are counted as one.
const MOST_COUNTS = 20_000

/** `clock` measures the hours and is never read as a date. */
export function createTally({ clock }: { readonly clock: Clock }): Tally {
  let startedAtMs = clock()
  const counts = new Map<string, number>()

  function startAnewAfterAnHour(): void {
    if (clock() - startedAtMs < HOUR_MS) return
    startedAtMs = clock()
    counts.clear()
  }

  function countOf(name: string): number {
    return counts.get(name) ?? 0
  }

  function add(name: string): number {
    const count = countOf(name) + 1
    counts.set(name, count)
    return count
  }

  return {
    count({ event, address, about = '', each = 1 }) {
      startAnewAfterAnHour()
      const [own, network, all] = [
        `${event} ${about} ${limitAddress(address)}`,
        `records ${event} ${limitNetwork(address)}`,
        `records ${event}`,
      ]
      const hasRoom = counts.has(own) || counts.size < MOST_COUNTS
      if (!hasRoom || countOf(network) >= MOST_OF_NETWORK || countOf(all) >= MOST_IN_ALL) {
        const count = add(`beyond ${event}`)
        return isPowerOfTen(count) ? count : undefined
      }
      const count = add(own)
      if (count > each && !isPowerOfTen(count)) return undefined
      add(network)
      add(all)
      return count
    },
  }
}

/** 1, 10, 100 … */
export function isPowerOfTen(count: number): boolean {
  return Number.isInteger(Math.log10(count))
}
