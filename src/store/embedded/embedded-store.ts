/**
 * The store of one machine: a SQLite file that several processes share.
 *
 * Reads answer at once from the last committed state. Writes of one turn share a transaction (see WriteQueue), inside
 * which every verb is one step: SQLite admits one writer among all processes. What has expired is filtered by every
 * statement and swept in small batches.
 */

import type { DatabaseSync } from 'node:sqlite'

import { type Clock, monotonicClock } from '../../base/clock.ts'
import { StoreRefused, StoreUnavailable } from '../../faults/store.ts'
import { DiskRoom } from './disk-room.ts'
import { asFault, checkpointAfter, isBusy, openDatabase } from './database.ts'
import { Entries } from './entries.ts'
import { OpenFile } from './file.ts'
import { EmbeddedLog } from './log.ts'
import { type EntryRow, prepareStatements, rowIdOf, type Statements } from './statements.ts'
import { leaveWhole } from './place.ts'
import { afterTheFirst, rowTaken, toEntry } from './rows.ts'
import { EmbeddedUpkeep } from './upkeep.ts'
import { expiryMs } from '../expiry.ts'
import { assertSameShard } from '../same-shard.ts'
import type {
  Consumed,
  ConsumeOptions,
  Counted,
  Entry,
  Key,
  Linked,
  LogEntry,
  Page,
  PutOptions,
  PutOutcome,
  Store,
  StoreStatus,
} from '../store.ts'
import { type SyncFile, syncFile, WalSync } from './wal-sync.ts'
import { WriteQueue } from './write-queue.ts'

export interface EmbeddedStoreOptions {
  readonly file: string
  readonly clock: Clock
  readonly monotonic?: Clock
  /** Below so much free space there is room for endings only; see DiskRoom for what it is otherwise. */
  readonly freeBytes?: number | undefined
  /** How the log is brought to the disk. */
  readonly syncFile?: SyncFile
}

/** Opens the store in `file`, creating file and folder if need be. Throws `StoreUnavailable` when it cannot. */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<EmbeddedStore> {
  const { file, clock } = options
  try {
    const database = await openDatabase(file, clock(), () => new DiskRoom(file).giveUpReserve())
    return new EmbeddedStore(database, options)
  } catch (cause) {
    if (cause instanceof StoreRefused) throw cause
    throw new StoreUnavailable({ detail: `cannot open ${file}: ${(cause as Error).message}`, cause })
  }
}

const LIST_LIMIT = 500

export class EmbeddedStore implements Store {
  /** Acknowledged writes are synced. */
  readonly lapseMs = 0
  readonly #database: DatabaseSync
  readonly #clock: Clock
  readonly #sql: Statements
  readonly #entries: Entries
  readonly #wal: WalSync
  readonly #writes: WriteQueue
  readonly #log: EmbeddedLog
  readonly #upkeep: EmbeddedUpkeep
  readonly #file: OpenFile
  #isClosed = false

  constructor(database: DatabaseSync, { file, clock, monotonic = monotonicClock, ...disk }: EmbeddedStoreOptions) {
    const room = new DiskRoom(file, disk.freeBytes)
    this.#file = new OpenFile(file, monotonic)
    this.#database = database
    this.#clock = clock
    this.#wal = new WalSync(database, disk.syncFile ?? syncFile)
    this.#sql = prepareStatements(database)
    this.#entries = new Entries(this.#sql)
    this.#writes = new WriteQueue(database, this.#wal, () => room.giveUpReserve())
    this.#log = new EmbeddedLog(database, (step) => this.#write(step), clock)
    this.#upkeep = new EmbeddedUpkeep({
      ...{ sql: this.#sql, writes: this.#writes, room, clock, monotonic },
      checkpointAfter: (pages) => checkpointAfter(database, pages),
    })
  }

  get(key: Key): Promise<Entry | undefined> {
    return this.#read(() => this.#entries.find(key, this.#clock()))
  }

  getMany(keys: readonly Key[]): Promise<(Entry | undefined)[]> {
    return this.#read(() => {
      const now = this.#clock()
      return keys.map((key) => this.#entries.find(key, now))
    })
  }

  getLinked(key: Key): Promise<Linked | undefined> {
    return this.#read(() => {
      const now = this.#clock()
      let entry: Entry | undefined
      const refs = new Map<Key, Entry>()
      for (const row of this.#sql.linked.all(rowIdOf(key), key, now) as unknown as EntryRow[]) {
        const [found] = row
        if (found === key) entry = toEntry(row, now)
        else refs.set(found, toEntry(row, now))
      }
      return entry && { entry, refs }
    })
  }

  async put(key: Key, value: string, options: PutOptions = {}): Promise<PutOutcome> {
    assertSameShard(key, options.ifPresent, options.refs, options.memberOf && [options.memberOf])
    return this.#write(() => {
      const now = this.#clock()
      const refusal = this.#entries.refusalOf(key, options, now)
      if (refusal === undefined) this.#entries.store(key, value, options, now)
      return refusal ?? 'stored'
    })
  }

  take(key: Key): Promise<string | undefined> {
    return this.#write(() => this.#sql.take.get(rowIdOf(key), key, this.#clock())?.value as string | undefined)
  }

  remove(keys: readonly Key[]): Promise<void> {
    return this.#write(() => {
      for (const key of keys) this.#entries.remove(key)
    })
  }

  /** A read may show what is committed and not synced yet; the next sync covers it. */
  confirm(_key: Key): Promise<void> {
    return this.#write(() => undefined)
  }

  async increment(key: Key, ttlSeconds: number): Promise<Counted> {
    return this.#writeLightly(() => {
      const now = this.#clock()
      const counted = this.#sql.increment.get(rowIdOf(key), key, expiryMs(now, ttlSeconds), now)
      if (counted === undefined) throw rowTaken(key)
      return { ...(counted as unknown as Counted) }
    })
  }

  decrement(key: Key, most: number): Promise<void> {
    return this.#writeLightly(() => {
      this.#sql.decrement.run(rowIdOf(key), key, this.#clock(), most)
      this.#sql.removeZero.run(rowIdOf(key), key)
    })
  }

  async consume(key: Key, by: string, options: ConsumeOptions = {}): Promise<Consumed> {
    const { successor, spent } = options
    const { ifPresent, refs, memberOf } = successor?.options ?? {}
    assertSameShard(key, successor && [successor.key], ifPresent, refs, memberOf && [memberOf], spent && [spent.in])
    return this.#write(() => {
      const now = this.#clock()
      if (!this.#entries.areLive(ifPresent, now)) return { outcome: 'gone' }
      if (!this.#entries.markUsed(key, by, options, now)) {
        const row = this.#entries.row(key, now)
        return row === undefined ? { outcome: 'gone' } : afterTheFirst(row, by, now)
      }
      if (successor !== undefined) this.#entries.store(successor.key, successor.value, successor.options ?? {}, now)
      return { outcome: 'won' }
    })
  }

  wasSpent(record: Key, key: Key): Promise<boolean> {
    return this.#read(() => this.#sql.spent.get(rowIdOf(record), rowIdOf(key), this.#clock()) !== undefined)
  }

  link(index: Key, member: string, ttlSeconds: number): Promise<void> {
    return this.#write(() => {
      this.#sql.link.run(index, member, expiryMs(this.#clock(), ttlSeconds))
    })
  }

  unlink(index: Key, member: string): Promise<void> {
    return this.#writeLightly(() => {
      this.#sql.unlink.run(index, member)
      this.#sql.unlinkEntry.run(index, member)
    })
  }

  members(index: Key): Promise<string[]> {
    return this.#read(() => this.#sql.members.all(index, this.#clock()).map((row) => row.member as string))
  }

  async removeMembers(index: Key, also: readonly Key[] = []): Promise<void> {
    assertSameShard(index, also)
    return this.#write(() => {
      this.#sql.removeMemberEntries.run(index)
      for (const { member } of this.#sql.linkedMembers.all(index)) this.#entries.remove(member as Key)
      this.#sql.removeLinks.run(index)
      for (const key of also) this.#entries.remove(key)
    })
  }

  list(kind: string, options: { cursor?: string; limit?: number } = {}): Promise<Page> {
    return this.#read(() => {
      const limit = options.limit ?? LIST_LIMIT
      // ';' follows ':' in ASCII, so the two enclose every key of the kind.
      const rows = this.#sql.list.all(options.cursor ?? `${kind}:`, `${kind};`, limit)
      const keys = rows.map((row) => row.key as Key)
      const last = keys.at(-1)
      return keys.length === limit && last !== undefined ? { keys, cursor: last } : { keys }
    })
  }

  append(log: string, value: string, keepSeconds: number): Promise<string> {
    return this.#log.append(log, value, keepSeconds)
  }

  read(log: string, after: string | undefined, limit: number): Promise<LogEntry[]> {
    return this.#read(() => this.#log.read(log, after, limit))
  }

  follow(log: string, after: string | undefined, listener: (entry: LogEntry) => void): () => void {
    return this.#log.follow(log, after, listener)
  }

  status(): StoreStatus {
    return this.#file.problem() ?? this.#upkeep.status()
  }

  async close(): Promise<void> {
    this.#log.close()
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#upkeep.close()
    await this.#writes.run(() => undefined).catch(() => undefined) // Earlier calls finish first.
    this.#wal.close()
    // Closing a store that was deleted would remove the log of the present file: SQLite removes it by its name.
    if (this.#file.isInPlace()) leaveWhole(this.#database)
    this.#database.close()
  }

  /** Answers now; only a file that another process is just reading in after a crash makes a read wait its turn. */
  async #read<T>(step: () => T): Promise<T> {
    try {
      return step()
    } catch (cause) {
      if (isBusy(cause)) return this.#writes.runLightly(step)
      throw this.#upkeep.noteTrouble(asFault(cause))
    }
  }

  #write<T>(step: () => T): Promise<T> {
    return this.#upkeep.watch(this.#writes.run(step))
  }

  /** For what decides nothing: a power cut may undo it. */
  #writeLightly<T>(step: () => T): Promise<T> {
    return this.#upkeep.watch(this.#writes.runLightly(step))
  }
}
