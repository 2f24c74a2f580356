/**
 * Limits how many bytes unauthenticated callers can make the store keep: started sign-ins, pushed requests, and
 * sessions in which no one is signed in.
 *
 * Each process counts by address, by network and in total, so counting costs the store nothing. The count drains evenly
 * over the lifetime of such a record, so at most twice the bounds are stored at any time. A finished sign-in stops
 * counting at once, so an office behind one address is limited only by its unfinished sign-ins.
 */

import { monotonicClock, type Clock } from '../base/clock.ts'
import { StoreFull, StrangersBounded } from '../faults/store.ts'
import type { Store } from '../store/store.ts'
import { limitAddress, limitNetwork } from './address.ts'

export interface StrangerRecords {
  /** Counts a record before it is stored. Throws `StrangersBounded` when it does not fit, `StoreFull` when nothing does. */
  count(ip: string, bytes: number): void
  /** Takes back a record that was removed before it expired. */
  release(ip: string, bytes: number): void
}

export interface StrangerRecordsOptions {
  /** For how long the longest of these records lives. */
  readonly windowSeconds: number
  /** Says whether there is room for more than endings: some of these records are made at routes that end access. */
  readonly store: Pick<Store, 'status'>
  readonly monotonic?: Clock
}

// A sign-in takes some 1.5 kB, so an address may leave some 1,400 of them unfinished in a quarter of an hour.
const MOST_OF_ADDRESS = 2 * 1024 * 1024
const MOST_OF_NETWORK = 8 * 1024 * 1024
const MOST_OF_ALL = 64 * 1024 * 1024
/** The bytes that a store keeps for a record in addition to its value: key, expiry, index. */
const RECORD_BYTES = 300
const SWEEP_AT_LEAST = 10_000

interface Level {
  readonly bytes: number
  readonly atMs: number
}

interface Bound {
  readonly subject: string
  readonly most: number
}

export function createStrangerRecords({
  windowSeconds,
  store,
  monotonic = monotonicClock,
}: StrangerRecordsOptions): StrangerRecords {
  const levels = new Map<string, Level>()
  let sweepAt = SWEEP_AT_LEAST

  return {
    count(ip, bytes) {
      if (!store.status().hasRoom) throw new StoreFull()
      const bounds = boundsOf(ip)
      const full = bounds.find((bound) => now(bound) + bytes + RECORD_BYTES > bound.most)
      if (full !== undefined) {
        throw new StrangersBounded(full.subject === ALL ? 'of_all' : 'of_network', {
          detail: `the share of ${full.subject} is used up`,
        })
      }
      for (const bound of bounds) change(bound, bytes + RECORD_BYTES)
      if (levels.size >= sweepAt) sweep()
    },

    release(ip, bytes) {
      for (const bound of boundsOf(ip)) change(bound, -bytes - RECORD_BYTES)
    },
  }

  function now({ subject, most }: Bound): number {
    const level = levels.get(subject)
    if (level === undefined) return 0
    const drained = ((monotonic() - level.atMs) / 1000) * (most / windowSeconds)
    return Math.max(0, level.bytes - drained)
  }

  function change(bound: Bound, bytes: number): void {
    const next = now(bound) + bytes
    if (next <= 0) levels.delete(bound.subject)
    else levels.set(bound.subject, { bytes: next, atMs: monotonic() })
  }

  /** Forgets who owes nothing any more; seldom enough that it costs each caller next to nothing. */
  function sweep(): void {
    const oldest = monotonic() - windowSeconds * 1000
    for (const [subject, { atMs }] of levels) if (atMs < oldest) levels.delete(subject)
    sweepAt = Math.max(SWEEP_AT_LEAST, 2 * levels.size)
  }
}

const ALL = 'all'

function boundsOf(ip: string): readonly Bound[] {
  return [
    { subject: limitAddress(ip), most: MOST_OF_ADDRESS },
    { subject: `network ${limitNetwork(ip)}`, most: MOST_OF_NETWORK },
    { subject: ALL, most: MOST_OF_ALL },
  ]
}
