/**
 * The logs of the Redis store: streams, whose entries carry their own expiry.
 *
 * A cursor names the lineage of the logs and the id that Redis gave the entry (see scripts/log/read-log.lua). New
 * entries are read on the connection that serves every request, several times a second: a log that cannot be read is a
 * Redis that cannot be read. A separate connection only wakes the reader earlier; when it hangs, followers get an entry
 * a little later.
 *
 * The logs share a hash tag, so on a Cluster they and their lineage are on one node.
 */

import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Redis } from 'ioredis'

import type { Clock } from '../../base/clock.ts'
import { CLOCKS_DIFFER_MS, toMs } from '../expiry.ts'
import type { RedisConnection } from './connection/connection.ts'
import { scripts } from './scripts.ts'
import type { LogEntry } from '../store.ts'

const PAGE = 500
const READ_MS = 200
// Less than a command may take, so that a wait without an entry is no time-out.
const BLOCK_MS = 1000
const RING_AGAIN_MS = 200

interface Place {
  readonly lineage: string
  readonly id: string
}

interface Follower {
  readonly log: string
  readonly listener: (entry: LogEntry) => void
  place: Place
}

/** The form of Redis: the id, then the fields and values of the entry in turn. */
type StreamEntry = [id: string, fields: string[]]

const START: Place = { lineage: '', id: '0-0' }

export class RedisLog {
  readonly #connection: RedisConnection
  readonly #prefix: string
  readonly #clock: Clock
  readonly #followers = new Set<Follower>()
  readonly #timer: NodeJS.Timeout
  #reading: Promise<void> | undefined
  #bell: Redis | undefined
  #isClosed = false

  constructor(connection: RedisConnection, prefix: string, clock: Clock) {
    this.#connection = connection
    this.#prefix = prefix
    this.#clock = clock
    this.#timer = setInterval(() => void this.#deliver(), READ_MS).unref()
  }

  async append(log: string, value: string, keepSeconds: number): Promise<string> {
    const args = [this.#clock(), value, Math.max(1, toMs(keepSeconds)), CLOCKS_DIFFER_MS]
    const reply = await this.#connection.run(scripts.append, this.#keysOf(log), args, 'ending')
    const [lineage, id] = reply as [string, string]
    return cursorOf({ lineage, id })
  }

  async read(log: string, after: string | undefined, limit: number): Promise<LogEntry[]> {
    const found: LogEntry[] = []
    let place = placeOf(after)
    for (;;) {
      const page = await this.#page(log, place, limit)
      found.push(...page.entries.filter((entry) => this.#isLive(entry)).map((entry) => toLogEntry(page.lineage, entry)))
      place = page.end
      if (page.entries.length < limit || found.length >= limit) return found.slice(0, limit)
    }
  }

  follow(log: string, after: string | undefined, listener: (entry: LogEntry) => void): () => void {
    const follower = { log, listener, place: placeOf(after) }
    this.#followers.add(follower)
    void this.#deliver()
    if (this.#bell === undefined && !this.#isClosed) void this.#listen()
    return () => {
      this.#followers.delete(follower)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#followers.clear()
    clearInterval(this.#timer)
    this.#bell?.disconnect()
  }

  /** The log and the lineage, as the scripts want them. */
  #keysOf(log: string): [log: string, lineage: string] {
    return [`${this.#prefix}log:{log}:${log}`, `${this.#prefix}lineage:{log}:all`]
  }

  async #page(log: string, { lineage, id }: Place, limit: number) {
    const args = [lineage, id, limit, randomBytes(8).toString('hex')]
    const reply = await this.#connection.run(scripts.readLog, this.#keysOf(log), args, 'plain')
    const [present, entries] = reply as [string, StreamEntry[]]
    const last = entries.at(-1)?.[0] ?? (present === lineage ? id : START.id)
    return { lineage: present, entries, end: { lineage: present, id: last } }
  }

  /** Gives every follower what is new to it; one round at a time. */
  #deliver(): Promise<void> {
    this.#reading ??= this.#deliverAll()
      .catch(() => undefined) // The health check says what is wrong, and the next round begins where this one ended.
      .finally(() => {
        this.#reading = undefined
      })
    return this.#reading
  }

  async #deliverAll(): Promise<void> {
    for (const follower of this.#followers) await this.#deliverTo(follower)
  }

  async #deliverTo(follower: Follower): Promise<void> {
    for (;;) {
      const { lineage, entries, end } = await this.#page(follower.log, follower.place, PAGE)
      for (const entry of entries) {
        if (!this.#followers.has(follower)) return
        follower.place = { lineage, id: entry[0] }
        if (this.#isLive(entry)) follower.listener(toLogEntry(lineage, entry))
      }
      follower.place = end
      if (entries.length < PAGE) return
    }
  }

  /** Wakes the reader as soon as there is an entry, for as long as there are followers. */
  async #listen(): Promise<void> {
    while (this.#followers.size > 0 && !this.#isClosed) {
      const link = this.#connection.linkFor(this.#keysOf('')[0])
      const bell = link?.isReady === true ? link.blockingClient() : undefined
      this.#bell = bell
      await (bell === undefined ? pause(RING_AGAIN_MS) : this.#ringWhile(bell, () => link?.isReady === true))
    }
    this.#bell = undefined
  }

  async #ringWhile(bell: Redis, isUseful: () => boolean): Promise<void> {
    bell.on('error', () => undefined) // Without it followers still get entries, a little later.
    try {
      await bell.connect()
      while (this.#followers.size > 0 && isUseful()) {
        const before = this.#oldestPlaces()
        if (!(await this.#isNews(bell, before))) continue
        await this.#deliver()
        // The other connection cannot read the present entries, or they are not after our cursor but of another
        // lineage.
        if (isDeepStrictEqual(before, this.#oldestPlaces())) await pause(RING_AGAIN_MS)
      }
    } catch {
      await pause(RING_AGAIN_MS)
    } finally {
      bell.disconnect()
    }
  }

  async #isNews(bell: Redis, places: ReadonlyMap<string, string>): Promise<boolean> {
    const logs = [...places.keys()].map((log) => this.#keysOf(log)[0])
    return (await bell.call('XREAD', 'COUNT', 1, 'BLOCK', BLOCK_MS, 'STREAMS', ...logs, ...places.values())) !== null
  }

  /** For each log, the id after which its slowest follower waits. */
  #oldestPlaces(): Map<string, string> {
    const ids = new Map<string, string>()
    for (const { log, place } of this.#followers) {
      const oldest = ids.get(log)
      if (oldest === undefined || isAfter(oldest, place.id)) ids.set(log, place.id)
    }
    return ids
  }

  #isLive([, fields]: StreamEntry): boolean {
    return Number(fields[3]) > this.#clock()
  }
}

function toLogEntry(lineage: string, [id, fields]: StreamEntry): LogEntry {
  return { cursor: cursorOf({ lineage, id }), value: fields[1] ?? '' }
}

function cursorOf({ lineage, id }: Place): string {
  return `${lineage}-${id}`
}

/** An unknown cursor counts as one before everything: its reader gets entries again and misses none. */
function placeOf(after: string | undefined): Place {
  const [, lineage, id] = /^([0-9a-f]{16})-(\d{1,16}-\d{1,16})$/.exec(after ?? '') ?? []
  return lineage === undefined || id === undefined ? START : { lineage, id }
}

function isAfter(id: string, other: string): boolean {
  const [ms = 0, seq = 0] = id.split('-').map(Number)
  const [otherMs = 0, otherSeq = 0] = other.split('-').map(Number)
  return ms > otherMs || (ms === otherMs && seq > otherSeq)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
