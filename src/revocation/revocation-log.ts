/**
 * The revocation log, as every node has it in memory.
 *
 * An entry stands here from its writing until no token that it covers can be alive. Nodes follow the store's log, so what
 * one of them writes all know within a second; the writer knows it at once. From here the server refuses at its own
 * endpoints, and serves the feed that the verifiers of APIs follow (docs/revocation.md).
 */

import { type Clock, epochSeconds } from '../base/clock.ts'
import { createRevocationSet, type Revocable, type RevocationEntry } from '../resource/revocations/revocation-set.ts'
import { keys, logs } from '../store/keys.ts'
import type { LogEntry, Store } from '../store/store.ts'
import { createEntryCounts, type EntryCounts, type EntryOwner } from './entry-counts.ts'
import { createLiveEntries, type LoggedRevocation, type RevocationPage, type Written } from './live-entries.ts'

/** What to revoke; how long the entry is kept is the log's business. */
export type NewRevocation = Omit<RevocationEntry, 'exp'>

export interface PublishOptions {
  /** How long the entry is kept; the longest life of an access token unless set. */
  readonly keepSeconds?: number | undefined
  /** Whose entries this one counts among. */
  readonly owner?: EntryOwner | undefined
}

export interface RevocationLog {
  /** Writes an entry; when this resolves, this node refuses what it covers and the others will within a second. */
  publish(revocation: NewRevocation, options?: PublishOptions): Promise<void>
  /**
   * Writes the entries again that this node knows and the store has lost, and returns them. For a store that lost its
   * last writes.
   */
  writeLostAgain(): Promise<readonly NewRevocation[]>
  /** How many entries there are: in all, of one subject, of one grant. Some of them may have expired. */
  readonly counts: Pick<EntryCounts, 'ofSubject' | 'ofGrant'> & { readonly all: number }
  /** Whether an entry covers this token. */
  covers(token: Revocable): boolean
  /**
   * Resolves when the entries that this node knows are as durable as those it has written. An entry may arrive before
   * the store has confirmed it, so "already covered" alone must not be the answer to a request to end access.
   */
  settled(): Promise<void>
  /** Live entries after a cursor, oldest first. */
  read(after: string | undefined, limit: number): RevocationPage
  /** The cursor of the newest entry; `undefined` while there was none. */
  last(): string | undefined
  /** Whether one can go on after this cursor; if not, it is too old, of another store, or not here yet. */
  knows(cursor: string): boolean
  /** Calls `listener` after entries have been added, to `read` them. Returns a stop. */
  onNews(listener: () => void): () => void
  close(): void
}

export interface RevocationLogOptions {
  readonly store: Store
  readonly clock: Clock
  /** The longest time that an access token issued now, by any node, can be accepted anywhere. */
  readonly keepSeconds: () => number
}

/** By how much longer than its expiry a verifier may be configured to accept a token (src/resource/verifier.ts). */
export const LARGEST_TOLERANCE_SECONDS = 60
// A token may be signed shortly after the entry that covers it: by a request under way, on a node whose clock is ahead.
const UNDER_WAY_SECONDS = 30

/**
 * A node with a wrong clock writes entries too, until it is known to be wrong and by commands after that. Its entries are
 * dated by its clock, and the tokens that they cover live by the clocks of others.
 */
export const LARGEST_CLOCK_DIFFERENCE_SECONDS = 900

/** How long an entry is needed when this is the longest lifetime that any node has given to a token. */
export function keepSecondsFor(longestTokenSeconds: number): number {
  return longestTokenSeconds + LARGEST_TOLERANCE_SECONDS + UNDER_WAY_SECONDS + LARGEST_CLOCK_DIFFERENCE_SECONDS
}

const PAGE = 1000
// Longer than what a crash of the store may lose, and than the time until an entry is read back.
const PUBLISHED_SECONDS = 30

/** Opens the log with all that is in it. Throws `StoreUnavailable`. */
export async function openRevocationLog({
  store,
  clock,
  keepSeconds: ordinarySeconds,
}: RevocationLogOptions): Promise<RevocationLog> {
  const set = createRevocationSet({ clock })
  const listeners = new Set<() => void>()
  const counts = createEntryCounts()
  // Entries that this node has written and not yet read back from the store's log, by cursor.
  const unread = new Map<string, EntryOwner>()
  // Entries that this node has written recently.
  let published: Written[] = []
  const entries = createLiveEntries({ clock, onDrop: (owner) => counts.remove(owner) })

  await load()
  const unfollow = store.follow(logs.revocations, entries.newest(), ({ cursor, value }) => {
    take(cursor, value)
    for (const listener of listeners) listener()
  })

  return {
    async publish(revocation, { keepSeconds = ordinarySeconds(), owner } = {}) {
      const at = epochSeconds(clock)
      // Until the last token issued before the cut-off has expired; the cut-off may lie a little ahead.
      const keptSeconds = keepSeconds + Math.max(0, (revocation.before ?? at) - at)
      const entry = { ...revocation, at, exp: at + Math.ceil(keptSeconds) }
      if (owner !== undefined) counts.add(owner)
      try {
        const cursor = await store.append(logs.revocations, JSON.stringify({ ...entry, of: owner }), keptSeconds)
        notePublished({ entry, owner })
        if (owner !== undefined && !entries.has(cursor)) unread.set(cursor, owner)
        else if (owner !== undefined) counts.remove(owner)
      } catch (error) {
        if (owner !== undefined) counts.remove(owner)
        throw error
      }
      set.add(entry)
    },

    async writeLostAgain() {
      const stored = new Set((await readAll()).map(({ value }) => textOf(JSON.parse(value) as StoredRevocation)))
      const known = [...entries.all(), ...published]
      const now = epochSeconds(clock)
      const lost = new Map<string, Written>()
      for (const one of known) {
        const text = textOf(one.entry)
        if (one.entry.exp > now && !stored.has(text)) lost.set(text, one)
      }
      for (const { entry, owner } of lost.values()) {
        const { id: _id, ...kept } = { id: '', ...entry }
        await store.append(logs.revocations, JSON.stringify({ ...kept, of: owner }), entry.exp - now)
      }
      return [...lost.values()].map(({ entry }) => entry)
    },

    counts: {
      ofSubject: (sub) => counts.ofSubject(sub),
      ofGrant: (gid) => counts.ofGrant(gid),
      get all() {
        return entries.size() + unread.size
      },
    },

    covers: (token) => set.covers(token),

    settled: () => store.confirm(keys.logShard()),

    read: (after, limit) => entries.page(after, limit),

    last: () => entries.last(),

    knows: (cursor) => entries.has(cursor),

    onNews(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },

    close: unfollow,
  }

  function notePublished(written: Written): void {
    published.push(written)
    const { at } = written.entry
    const oldest = published[0]?.entry.at ?? at
    // Copying an array costs its length: once in a while, not with every ending.
    if (oldest > at - 2 * PUBLISHED_SECONDS) return
    published = published.filter(({ entry }) => entry.at > at - PUBLISHED_SECONDS)
  }

  async function load(): Promise<void> {
    for (;;) {
      const page = await store.read(logs.revocations, entries.newest(), PAGE)
      for (const { cursor, value } of page) take(cursor, value)
      if (page.length < PAGE) return
    }
  }

  async function readAll(): Promise<LogEntry[]> {
    const all: LogEntry[] = []
    for (;;) {
      const page = await store.read(logs.revocations, all.at(-1)?.cursor, PAGE)
      all.push(...page)
      if (page.length < PAGE) return all
    }
  }

  function take(id: string, value: string): void {
    const { of: owner, ...entry } = JSON.parse(value) as StoredRevocation
    if (!unread.delete(id) && owner !== undefined) counts.add(owner)
    entries.add({ ...entry, id }, owner)
    set.add(entry)
  }
}

type StoredRevocation = Omit<LoggedRevocation, 'id'> & { readonly of?: EntryOwner }

/** Equal for equal entries, from whichever source they were read. */
function textOf(entry: Omit<LoggedRevocation, 'id'> & { readonly of?: EntryOwner; readonly id?: string }): string {
  const { of: _of, id: _id, ...named } = entry
  return JSON.stringify(Object.entries(named).toSorted(([a], [b]) => a.localeCompare(b)))
}
