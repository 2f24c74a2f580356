/**
 * The logs of the Redis store: streams, whose entries carry their own expiry.
 *
 * A cursor is the id that Redis gave the entry. All followers share one connection, which waits for the next entry of
 * any log; what it missed while it was away it reads when it is back, for it asks by id. The logs share a hash tag, so
 * that on a Cluster one connection can wait for all of them.
 */

import type { Clock } from '../base/clock.ts'
import { toMs } from './expiry.ts'
import type { RedisClient } from './redis-client.ts'
import type { RedisConnection } from './redis-connection.ts'
import { scripts } from './scripts.ts'
import type { LogEntry } from './store.ts'

const START = '0-0'
const PAGE = 500
// A new follower waits for the running read at most this long.
const BLOCK_MS = 300
const RETRY_MS = 200

interface Follower {
  readonly log: string
  readonly listener: (entry: LogEntry) => void
  cursor: string
}

/** As Redis tells it: the id, and the fields and values of the entry in turn. */
type StreamEntry = [id: string, fields: string[]]

export class RedisLog {
  readonly #connection: RedisConnection
  readonly #prefix: string
  readonly #clock: Clock
  readonly #followers = new Set<Follower>()
  #waiter: RedisClient | undefined
  #isClosed = false

  constructor(connection: RedisConnection, prefix: string, clock: Clock) {
    this.#connection = connection
    this.#prefix = prefix
    this.#clock = clock
  }

  async append(log: string, value: string, keepSeconds: number): Promise<string> {
    const args = [this.#clock(), value, Math.max(1, toMs(keepSeconds))]
    return String(await this.#connection.run(scripts.append, [this.#keyOf(log)], args))
  }

  async read(log: string, after: string | undefined, limit: number): Promise<LogEntry[]> {
    const found: LogEntry[] = []
    let cursor = cursorFrom(after)
    let page: StreamEntry[]
    do {
      page = (await this.#connection.send(
        'xrange',
        this.#keyOf(log),
        `(${cursor}`,
        '+',
        'COUNT',
        limit,
      )) as StreamEntry[]
      for (const entry of page) if (this.#isLive(entry)) found.push(toLogEntry(entry))
      cursor = page.at(-1)?.[0] ?? cursor
    } while (page.length === limit && found.length < limit)
    return found.slice(0, limit)
  }

  follow(log: string, after: string | undefined, listener: (entry: LogEntry) => void): () => void {
    const follower = { log, listener, cursor: cursorFrom(after) }
    this.#followers.add(follower)
    if (this.#waiter === undefined && !this.#isClosed) void this.#wait()
    return () => {
      this.#followers.delete(follower)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#followers.clear()
    this.#waiter?.disconnect()
  }

  #keyOf(log: string): string {
    return `${this.#prefix}log:{log}:${log}`
  }

  /** Waits and delivers for as long as there are followers. */
  async #wait(): Promise<void> {
    const waiter = this.#connection.blockingClient()
    this.#waiter = waiter
    waiter.on('error', () => undefined) // The health check speaks for both connections.
    waiter.connect().catch(() => undefined)
    while (this.#followers.size > 0) {
      try {
        await this.#readOnce(waiter)
      } catch {
        await pause(RETRY_MS)
      }
    }
    waiter.disconnect()
    this.#waiter = undefined
    if (this.#followers.size > 0) void this.#wait()
  }

  async #readOnce(waiter: RedisClient): Promise<void> {
    const cursors = this.#oldestCursors()
    const logs = [...cursors.keys()]
    const replies = (await waiter.call(
      'XREAD',
      ...['COUNT', PAGE, 'BLOCK', BLOCK_MS, 'STREAMS'],
      ...logs.map((log) => this.#keyOf(log)),
      ...cursors.values(),
    )) as [key: string, entries: StreamEntry[]][] | null
    for (const [key, entries] of replies ?? []) {
      const log = logs.find((each) => this.#keyOf(each) === key)
      for (const entry of entries) this.#deliver(log, entry)
    }
  }

  #oldestCursors(): Map<string, string> {
    const cursors = new Map<string, string>()
    for (const { log, cursor } of this.#followers) {
      const oldest = cursors.get(log)
      if (oldest === undefined || isAfter(oldest, cursor)) cursors.set(log, cursor)
    }
    return cursors
  }

  #deliver(log: string | undefined, entry: StreamEntry): void {
    for (const follower of this.#followers) {
      if (follower.log !== log || !isAfter(entry[0], follower.cursor)) continue
      follower.cursor = entry[0]
      if (this.#isLive(entry)) follower.listener(toLogEntry(entry))
    }
  }

  #isLive([, fields]: StreamEntry): boolean {
    return Number(fields[3]) > this.#clock()
  }
}

function toLogEntry([cursor, fields]: StreamEntry): LogEntry {
  return { cursor, value: fields[1] ?? '' }
}

/** A cursor that is not one of ours stands before everything: its reader sees entries again rather than missing some. */
function cursorFrom(after: string | undefined): string {
  return after !== undefined && /^\d{1,16}-\d{1,16}$/.test(after) ? after : START
}

function isAfter(id: string, other: string): boolean {
  const [ms = 0, seq = 0] = id.split('-').map(Number)
  const [otherMs = 0, otherSeq = 0] = other.split('-').map(Number)
  return ms > otherMs || (ms === otherMs && seq > otherSeq)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
