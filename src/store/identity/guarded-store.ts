/**
 * A store that notices when it is no longer the store that was opened.
 *
 * Once a second it reads identity, epoch and progress mark, and raises the mark. Was the store emptied, replaced, restored
 * or set back, it answers nothing any more: every verb throws `StoreUnavailable`, `status` says what happened, and `lost`
 * resolves, so that the server can start again on the store as it is now. A store that does not answer is only away.
 */

import { type Clock, monotonicClock } from '../../base/clock.ts'
import { StoreUnavailable } from '../../faults/store.ts'
import { findIdentity, openIdentity, stateProblem, toIdentity } from './identity.ts'
import { keys } from '../keys.ts'
import { ProgressMarks } from './progress.ts'
import { changeSince, type SeenStore, type StoreChange, type StoreLoss, lossIn, lossOf } from './store-loss.ts'
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

const BEAT_MS = 1000
const WATCHED = [keys.identity(), keys.progress()] as const

export interface GuardOptions {
  readonly clock: Clock
  readonly monotonic?: Clock
}

export class GuardedStore implements Store {
  readonly #inner: Store
  readonly #clock: Clock
  readonly #monotonic: Clock
  readonly #marks: ProgressMarks
  readonly #losing = Promise.withResolvers<StoreLoss>()
  readonly #lapseListeners = new Set<() => void>()
  readonly #markListeners = new Set<(seen: SeenStore) => void>()
  #identity: Pick<SeenStore, 'id' | 'epoch'> | undefined
  #loss: StoreLoss | undefined
  #waiting: string | undefined
  #timer: NodeJS.Timeout | undefined
  #beating: Promise<void> | undefined

  constructor(inner: Store, { clock, monotonic = monotonicClock }: GuardOptions) {
    this.#inner = inner
    this.#marks = new ProgressMarks(inner.lapseMs)
    this.#clock = clock
    this.#monotonic = monotonic
  }

  get lapseMs(): number {
    return this.#inner.lapseMs
  }

  /** Resolves when the store is not the one that was opened any more. */
  get lost(): Promise<StoreLoss> {
    return this.#losing.promise
  }

  /** Whether there is nothing to open yet: the store is away, or a restore into it is under way. `status` says which. */
  async mustWait(): Promise<boolean> {
    if (!this.#inner.status().ready) return true
    try {
      const found = await findIdentity(this.#inner)
      this.#waiting = found?.identity.state === 'restoring' ? stateProblem(found.identity) : undefined
      return this.#waiting !== undefined
    } catch (error) {
      if (error instanceof StoreUnavailable) return true
      throw error
    }
  }

  /**
   * Opens the identity, and creates it when there is none. Returns what follows for a server that remembers `seen`.
   * Throws `StoreRefused` for a store that must not be served.
   */
  async identify(seen?: SeenStore): Promise<StoreChange | undefined> {
    const identity = await openIdentity(this.#inner, this.#clock)
    const [progress, copied] = await this.#inner.getMany([keys.progress(), keys.copied()])
    const { id, epoch } = identity
    this.#identity = { id, epoch }
    if (copied !== undefined) return { kind: 'set_back', id, epoch }
    return seen && changeSince(identity, progress?.version ?? 0, seen)
  }

  /** Begins to watch, from the epoch that the store has now. */
  async watch(): Promise<void> {
    const found = await findIdentity(this.#inner)
    if (found?.identity.id === this.#identity?.id) this.#identity = found?.identity
    this.#timer = setInterval(() => void this.beat(), BEAT_MS).unref()
    await this.beat()
  }

  /** Calls `listener` when a crash of the store has lost its last writes. */
  onLapse(listener: () => void): void {
    this.#lapseListeners.add(listener)
  }

  /** Calls `listener` with what is certain of the store, each time that it has acknowledged another progress mark. */
  onMark(listener: (seen: SeenStore) => void): void {
    this.#markListeners.add(listener)
  }

  /** Looks now, unless a look is under way. */
  beat(): Promise<void> {
    this.#beating ??= this.#beat()
      // The store is away, or has no room for the mark: neither says anything of what it is.
      .catch(() => undefined)
      .finally(() => {
        this.#beating = undefined
      })
    return this.#beating
  }

  get(key: Key): Promise<Entry | undefined> {
    return this.#loss === undefined ? this.#inner.get(key) : this.#refuse()
  }

  getMany(wanted: readonly Key[]): Promise<(Entry | undefined)[]> {
    return this.#loss === undefined ? this.#inner.getMany(wanted) : this.#refuse()
  }

  getLinked(key: Key): Promise<Linked | undefined> {
    return this.#loss === undefined ? this.#inner.getLinked(key) : this.#refuse()
  }

  put(key: Key, value: string, options?: PutOptions): Promise<PutOutcome> {
    return this.#loss === undefined ? this.#inner.put(key, value, options) : this.#refuse()
  }

  take(key: Key): Promise<string | undefined> {
    return this.#loss === undefined ? this.#inner.take(key) : this.#refuse()
  }

  remove(unwanted: readonly Key[]): Promise<void> {
    return this.#loss === undefined ? this.#inner.remove(unwanted) : this.#refuse()
  }

  confirm(key: Key): Promise<void> {
    return this.#loss === undefined ? this.#inner.confirm(key) : this.#refuse()
  }

  increment(key: Key, ttlSeconds: number): Promise<Counted> {
    return this.#loss === undefined ? this.#inner.increment(key, ttlSeconds) : this.#refuse()
  }

  decrement(key: Key, most: number): Promise<void> {
    return this.#loss === undefined ? this.#inner.decrement(key, most) : this.#refuse()
  }

  consume(key: Key, by: string, options?: ConsumeOptions): Promise<Consumed> {
    return this.#loss === undefined ? this.#inner.consume(key, by, options) : this.#refuse()
  }

  wasSpent(record: Key, key: Key): Promise<boolean> {
    return this.#loss === undefined ? this.#inner.wasSpent(record, key) : this.#refuse()
  }

  link(index: Key, member: string, ttlSeconds: number): Promise<void> {
    return this.#loss === undefined ? this.#inner.link(index, member, ttlSeconds) : this.#refuse()
  }

  unlink(index: Key, member: string): Promise<void> {
    return this.#loss === undefined ? this.#inner.unlink(index, member) : this.#refuse()
  }

  members(index: Key): Promise<string[]> {
    return this.#loss === undefined ? this.#inner.members(index) : this.#refuse()
  }

  removeMembers(index: Key, also?: readonly Key[]): Promise<void> {
    return this.#loss === undefined ? this.#inner.removeMembers(index, also) : this.#refuse()
  }

  list(kind: string, options?: { cursor?: string; limit?: number }): Promise<Page> {
    return this.#loss === undefined ? this.#inner.list(kind, options) : this.#refuse()
  }

  append(log: string, value: string, keepSeconds: number): Promise<string> {
    return this.#loss === undefined ? this.#inner.append(log, value, keepSeconds) : this.#refuse()
  }

  read(log: string, after: string | undefined, limit: number): Promise<LogEntry[]> {
    return this.#loss === undefined ? this.#inner.read(log, after, limit) : this.#refuse()
  }

  /** Entries of another store, were it replaced, are not given. */
  follow(log: string, after: string | undefined, listener: (entry: LogEntry) => void): () => void {
    return this.#inner.follow(log, after, (entry) => {
      if (this.#loss === undefined) listener(entry)
    })
  }

  status(): StoreStatus {
    const status = this.#inner.status()
    if (status.lost === true) this.#noteGone()
    const problem = this.#loss?.problem ?? this.#waiting
    if (problem === undefined) return status
    return {
      ready: false,
      hasRoom: false,
      problem,
      silentMs: Number.POSITIVE_INFINITY,
      ...(this.#loss && { lost: true }),
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#beating
    await this.#inner.close()
  }

  async #beat(): Promise<void> {
    if (this.#identity === undefined || this.#loss !== undefined) return
    if (this.#inner.status().lost === true) return this.#noteGone()
    const [identity, progress] = await this.#inner.getMany(WATCHED)
    const loss = lossIn(toIdentity(identity)?.identity, this.#seen())
    if (loss !== undefined) return this.#lose(loss)
    const mark = progress?.version ?? 0
    const progressed = this.#marks.judge(mark)
    if (progressed === 'set_back') return this.#lose(lossOf('set_back', this.#seen()))
    await this.#inner.put(keys.progress(), '')
    this.#marks.note(mark + 1, this.#monotonic())
    const certain = this.#marks.certain
    if (certain > 0) for (const listener of this.#markListeners) listener({ ...this.#seen(), mark: certain })
    if (progressed === 'lapse') for (const listener of this.#lapseListeners) listener()
  }

  #seen(): SeenStore {
    return { id: '', epoch: 0, ...this.#identity, mark: this.#marks.highest }
  }

  #noteGone(): void {
    if (this.#identity !== undefined && this.#loss === undefined) this.#lose(lossOf('replaced', this.#seen()))
  }

  #lose(loss: StoreLoss): void {
    this.#loss = loss
    clearInterval(this.#timer)
    this.#losing.resolve(loss)
  }

  #refuse(): Promise<never> {
    return Promise.reject(new StoreUnavailable({ detail: this.#loss?.problem ?? '' }))
  }
}
