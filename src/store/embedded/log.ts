/**
 * The logs of the embedded store.
 *
 * A cursor is the lineage of the file, which is drawn when the file is made, and the entry's sequence number. SQLite has one writer at a time, so numbers are committed in their order and
 * a follower that has seen one has seen all before it. Followers look when this process appends, and every 100 ms
 * whether another process has.
 */

import type { DatabaseSync, StatementSync } from 'node:sqlite'

import type { Clock } from '../../base/clock.ts'
import { prepareWrite } from './statements.ts'
import { expiryMs } from '../expiry.ts'
import type { LogEntry } from '../store.ts'

const POLL_MS = 100
const PAGE = 500

/** Runs a step in a transaction; its result once that is on the disk. */
type Write = <T>(step: () => T) => Promise<T>

interface Follower {
  readonly log: string
  readonly listener: (entry: LogEntry) => void
  seq: number
}

interface Row {
  readonly seq: number
  readonly value: string
}

export class EmbeddedLog {
  readonly #write: Write
  readonly #clock: Clock
  readonly #insert: StatementSync
  readonly #select: StatementSync
  readonly #changes: StatementSync
  readonly #last: StatementSync
  readonly #lineage: string
  readonly #followers = new Set<Follower>()
  #poll: NodeJS.Timeout | undefined
  #seenChanges = 0

  constructor(database: DatabaseSync, write: Write, clock: Clock) {
    this.#write = write
    this.#clock = clock
    this.#insert = prepareWrite(database, 'INSERT INTO log (log, value, expires_at_ms) VALUES (?, ?, ?)')
    this.#select = database.prepare(
      'SELECT seq, value FROM log WHERE log = ? AND seq > ? AND expires_at_ms > ? ORDER BY seq LIMIT ?',
    )
    this.#last = database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'log'")
    this.#lineage = String(database.prepare('SELECT id FROM lineage').get()?.id)
    // Changes whenever another connection has committed; costs a look at shared memory.
    this.#changes = database.prepare('PRAGMA data_version')
  }

  async append(log: string, value: string, keepSeconds: number): Promise<string> {
    const endsAtMs = expiryMs(this.#clock(), keepSeconds)
    const { lastInsertRowid } = await this.#write(() => this.#insert.run(log, value, endsAtMs))
    if (this.#followers.size > 0) setImmediate(this.#deliverAll)
    return this.#cursorOf(lastInsertRowid)
  }

  read(log: string, after: string | undefined, limit: number): LogEntry[] {
    const rows = this.#rows(log, this.#seqOf(after), limit)
    return rows.map((row) => ({ cursor: this.#cursorOf(row.seq), value: row.value }))
  }

  follow(log: string, after: string | undefined, listener: (entry: LogEntry) => void): () => void {
    const follower = { log, listener, seq: this.#seqOf(after) }
    this.#followers.add(follower)
    this.#poll ??= setInterval(this.#deliverForeign, POLL_MS).unref()
    setImmediate(this.#deliverAll)
    return () => {
      this.#followers.delete(follower)
      if (this.#followers.size === 0) this.close()
    }
  }

  close(): void {
    this.#followers.clear()
    clearInterval(this.#poll)
    this.#poll = undefined
  }

  readonly #deliverForeign = (): void => {
    try {
      const { data_version } = this.#changes.get() as { data_version: number }
      if (data_version === this.#seenChanges) return
      this.#seenChanges = data_version
    } catch {
      return // The store says in its status that it cannot be read; the followers go on when it can.
    }
    this.#deliverAll()
  }

  readonly #deliverAll = (): void => {
    for (const follower of this.#followers) this.#deliver(follower)
  }

  #deliver(follower: Follower): void {
    let rows: Row[]
    do {
      rows = this.#rowsOrNone(follower)
      for (const row of rows) {
        if (!this.#followers.has(follower)) return
        follower.seq = row.seq
        follower.listener({ cursor: this.#cursorOf(row.seq), value: row.value })
      }
    } while (rows.length === PAGE)
  }

  #rowsOrNone(follower: Follower): Row[] {
    try {
      return this.#rows(follower.log, follower.seq, PAGE)
    } catch {
      this.#seenChanges = 0 // Look again at the next poll, whether or not something changes until then.
      return []
    }
  }

  #rows(log: string, seq: number, limit: number): Row[] {
    return this.#select.all(log, seq, this.#clock(), limit) as unknown as Row[]
  }

  #cursorOf(seq: number | bigint): string {
    return `${this.#lineage}-${seq}`
  }

  /**
   * A cursor of another file, or of a later state of this one than it was set back to, stands before everything: its reader
   * sees entries again rather than missing some.
   */
  #seqOf(cursor: string | undefined): number {
    const [lineage, place] = cursor?.split('-') ?? []
    const seq = Number(place)
    return lineage === this.#lineage && Number.isSafeInteger(seq) && seq <= this.#lastSeq() ? seq : 0
  }

  #lastSeq(): number {
    try {
      return Number(this.#last.get()?.seq ?? 0)
    } catch {
      return 0
    }
  }
}
