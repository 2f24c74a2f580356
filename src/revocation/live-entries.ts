/** The entries of the revocation log that this node holds, oldest first, and the place of each cursor among them. */

import { type Clock, epochSeconds } from '../base/clock.ts'
import type { RevocationEntry } from '../resource/revocations/revocation-set.ts'
import type { EntryOwner } from './entry-counts.ts'

/** An entry as the feed gives it: with the cursor that a reader resumes after. */
export interface LoggedRevocation extends RevocationEntry {
  readonly id: string
  /** Epoch seconds at which it was written. */
  readonly at: number
}

export interface RevocationPage {
  readonly entries: readonly LoggedRevocation[]
  /** Where to go on; `undefined` while there is nothing. */
  readonly cursor: string | undefined
  /** There is more already. */
  readonly more: boolean
  /** The cursor was not known (too old, or of another store): these are all entries from the start. */
  readonly fromStart: boolean
}

/** An entry of the log, and the owner that it counts for. */
export interface Written {
  readonly entry: Omit<LoggedRevocation, 'id'>
  readonly owner: EntryOwner | undefined
}

export interface LiveEntries {
  /** Adds the newest entry, and drops expired ones when that pays. */
  add(entry: LoggedRevocation, owner: EntryOwner | undefined): void
  size(): number
  all(): Written[]
  /** The cursor of the newest entry that is held. */
  newest(): string | undefined
  /** As `newest`; if none is held, the cursor of the last one that was. */
  last(): string | undefined
  /** Whether a reader can go on after this cursor. */
  has(cursor: string): boolean
  /** At most `limit` entries after a cursor; from the start when it is not known. */
  page(after: string | undefined, limit: number): RevocationPage
}

// Moving an array costs its length, so fewer are dropped only when they are half of all.
const WORTH_DROPPING = 1000

export function createLiveEntries({
  clock,
  onDrop,
}: {
  clock: Clock
  onDrop: (owner: EntryOwner) => void
}): LiveEntries {
  let entries: LoggedRevocation[] = []
  let owners: (EntryOwner | undefined)[] = []
  const places = new Map<string, number>()
  let dropped = 0
  let lastDropped: string | undefined
  const newest = () => entries.at(-1)?.id

  return {
    add(entry, owner) {
      dropExpired()
      places.set(entry.id, dropped + entries.length)
      entries.push(entry)
      owners.push(owner)
    },

    size: () => entries.length,
    all: () => entries.map((entry, at) => ({ entry, owner: owners[at] })),
    newest,
    last: () => newest() ?? lastDropped,
    has: (cursor) => places.has(cursor),

    page(after, limit) {
      const place = after === undefined ? undefined : places.get(after)
      const start = place === undefined ? 0 : place - dropped + 1
      const page = entries.slice(start, start + limit)
      const now = epochSeconds(clock)
      return {
        entries: page.filter(({ exp }) => exp > now),
        cursor: page.at(-1)?.id ?? (place === undefined ? newest() : after),
        more: start + limit < entries.length,
        fromStart: place === undefined,
      }
    },
  }

  /** Drops from the front what has expired; an entry with a longer life keeps those behind it a while. */
  function dropExpired(): void {
    const now = epochSeconds(clock)
    const live = entries.findIndex(({ exp }) => exp > now)
    const ended = live < 0 ? entries.length : live
    if (ended < WORTH_DROPPING && ended * 2 < entries.length) return
    for (const { id } of entries.slice(0, ended)) places.delete(id)
    // A reader that has read all dropped entries is at the last of them. It has missed nothing and need not start
    // again.
    if (lastDropped !== undefined) places.delete(lastDropped)
    lastDropped = entries[ended - 1]?.id
    if (lastDropped !== undefined) places.set(lastDropped, dropped + ended - 1)
    for (const owner of owners.slice(0, ended)) if (owner !== undefined) onDrop(owner)
    entries = entries.slice(ended)
    owners = owners.slice(ended)
    dropped += ended
  }
}
