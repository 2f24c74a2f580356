/**
 * The contract of every store. Two stores implement it: `EmbeddedStore` (SQLite) and `RedisStore` (standalone,
 * Sentinel, Cluster); test/contracts/store.ts tests both.
 *
 * For every verb:
 *
 * - An expired entry is never returned, even before it is deleted; expiry follows the injected clock.
 * - A result is a copy. Live entries are never evicted. Nothing grows for ever: what has an end is deleted after it.
 * - Each verb is one step: among any number of callers on any number of nodes, one wins.
 * - Calls made in the same turn of the event loop share one round trip.
 * - When the store cannot answer, every verb throws `StoreUnavailable` within the command time-out; none hangs.
 * - Acknowledged means durable: the result of a deciding verb survives a crash, a power cut and a failover. The
 *   deciding verbs are `put`, `take`, `remove`, `confirm`, `consume`, `link`, `removeMembers` and `append`. With
 *   replicas configured, the result waits until a replica has the write, else the verb throws `StoreUnavailable`.
 * - Endings (`take`, `remove`, `confirm`, `consume`, `removeMembers`, `append`, and `put` with `ending`) work as long
 *   as the store runs at all, even when it has no room for anything else.
 * - Neither order nor age depends on the clock of a node, or on that of the present Redis primary.
 *
 * ```ts
 * const store = await openStore(config, systemClock)
 * await store.put(key, 'value', { ttlSeconds: 60, ifAbsent: true })   // 'stored', the second time 'exists'
 * await store.consume(key, requestId)                                 // { outcome: 'won' }, for one caller
 * ```
 */

/**
 * The name of an entry, an index or a counter, made by `keys.ts`: `kind:{shard}:id`.
 *
 * Keys that one call touches (an entry with its refs, its index, its successor, what must be present) share a shard;
 * on Redis Cluster the shard is the hash tag. Keys that do not are a `TypeError`, in every store.
 */
export type Key = `${string}:{${string}}:${string}`

export interface Entry {
  readonly value: string
  /** 1 when first stored, one more with every put. */
  readonly version: number
  /** Set once the entry was consumed. */
  readonly consumed?: Consumption
}

export interface Consumption {
  /** Epoch milliseconds of the winning consume. */
  readonly atMs: number
  /** The winner's note for late callers, while it lasts (see `ConsumeOptions.note`). */
  readonly note?: string
}

export interface PutOptions {
  /** Seconds until the entry expires; without it the entry stays until it is removed. */
  readonly ttlSeconds?: number
  /** Store only if there is no live entry, else `'exists'`. Such an entry outlives a clock of the store that is ahead. */
  readonly ifAbsent?: boolean
  /** Store only over this version, else `'changed'` (another version) or `'gone'` (no live entry). */
  readonly ifVersion?: number
  /** Store only while all of these are alive, else `'gone'`. May name the entry itself. */
  readonly ifPresent?: readonly Key[]
  /** Entries that `getLinked` returns along with this one. */
  readonly refs?: readonly Key[]
  /** An index that lists this entry for as long as it lives. */
  readonly memberOf?: Key
  /** The write is part of ending access: it is taken also when there is room for endings only. */
  readonly ending?: boolean
}

export type PutOutcome = 'stored' | 'exists' | 'changed' | 'gone'

/** An entry to be stored in the same step that consumes another. */
export interface Successor {
  readonly key: Key
  readonly value: string
  /** When `ifPresent` fails, the whole consume is `'gone'`, and nothing is consumed. */
  readonly options?: Pick<PutOptions, 'ttlSeconds' | 'ifPresent' | 'refs' | 'memberOf'>
}

export interface ConsumeOptions {
  readonly successor?: Successor
  /** A text that losers get, for `noteSeconds` after the win: the sealed successor of a refresh token. */
  readonly note?: string
  readonly noteSeconds?: number
  /**
   * What remains of the entry: it lives for `keepSeconds` more (if it would have lived that long). Then the record
   * `in`, a key of the same shard, has a few dozen bytes for `wasSpent` until the entry would have expired. Removing
   * the record removes all of that.
   */
  readonly spent?: { readonly in: Key; readonly keepSeconds: number }
}

export type Consumed =
  /** This call was the first, or repeats the first one's `by` (a retry after a lost reply). */
  | { readonly outcome: 'won' }
  /** Another caller was first. */
  | { readonly outcome: 'lost'; readonly consumed: Consumption }
  /** There is no live entry, or something that the successor needs is gone. */
  | { readonly outcome: 'gone' }

export interface Linked {
  readonly entry: Entry
  /** The live entries among the refs, by key. */
  readonly refs: ReadonlyMap<Key, Entry>
}

export interface Page {
  readonly keys: readonly Key[]
  /** Give it to the next call; absent on the last page. */
  readonly cursor?: string
}

export interface Counted {
  readonly count: number
  /** Epoch milliseconds at which the counter starts again from zero. */
  readonly expiresAtMs: number
}

export interface LogEntry {
  /**
   * Where the entry stands. Opaque: it names the lineage of the log (one file, one run of one Redis primary) and a place in
   * it. With a cursor of another lineage `read` and `follow` start from the first live entry.
   */
  readonly cursor: string
  readonly value: string
}

export interface StoreStatus {
  /** Whether the store takes writes and keeps them as durably as it promises. Judged by writing, not by asking. */
  readonly ready: boolean
  /**
   * Whether there is room for more than endings. Below a mark of free memory or disk nothing new is issued, so that
   * revocations can always be recorded. Says nothing unless `ready`.
   */
  readonly hasRoom: boolean
  /** One sentence for the operator: what is wrong and what to do. Absent when ready and with room. */
  readonly problem?: string
  /** Advice for the operator of a working store: what a crash may lose, a wrong clock of the store. */
  readonly advice?: readonly string[]
  /** Milliseconds since the last successful write, on the monotonic clock. A node that cannot write for 5 s issues nothing. */
  readonly silentMs: number
  /** By how much the clock of this node is ahead of the majority's (behind: negative); absent within the tolerance. */
  readonly clockAheadMs?: number
  /** Set when this is no longer the store that was opened: its file was deleted or replaced. It does not come back. */
  readonly lost?: true
}

export interface Store {
  /** How much of what it acknowledged a crash of the store may lose, in milliseconds; 0 for none. */
  readonly lapseMs: number
  /** The live entry, or `undefined`. */
  get(key: Key): Promise<Entry | undefined>
  /** The live entries in the order of the keys, `undefined` for a missing one. The keys may be of any shard. */
  getMany(keys: readonly Key[]): Promise<(Entry | undefined)[]>
  /** The live entry together with the entries it refers to, in one step and one round trip. */
  getLinked(key: Key): Promise<Linked | undefined>
  /** Stores the value with these options in place of any earlier ones. Once consumed, an entry stays so while it lives. */
  put(key: Key, value: string, options?: PutOptions): Promise<PutOutcome>
  /** Removes the entry and gives its value to exactly one caller; `undefined` to all others. */
  take(key: Key): Promise<string | undefined>
  /** Removes the entries; missing ones are ignored. The keys may be of any shard. */
  remove(keys: readonly Key[]): Promise<void>
  /**
   * Resolves when all that can be read of this key's shard is as durable as what was acknowledged. A read may show a write
   * that is not confirmed yet, so a caller that answers by what is there already confirms it first.
   */
  confirm(key: Key): Promise<void>
  /**
   * Adds one. The first call after expiry starts at 1 and sets the time to live; later calls leave it alone. The counter
   * is an entry whose value is the count: `get` reads it, `remove` starts it again.
   */
  increment(key: Key, ttlSeconds: number): Promise<Counted>
  /**
   * Takes one back from a live counter, which first counts no more than `most`: what was counted beyond a limit was refused
   * and has nothing to give back. At zero the counter is gone. Does nothing where there is none.
   */
  decrement(key: Key, most: number): Promise<void>
  /**
   * Marks the entry as used, once. `by` names the request: the same request asking again (because the reply was lost)
   * wins again, every other caller loses. A successor is stored in the same step or not at all.
   */
  consume(key: Key, by: string, options?: ConsumeOptions): Promise<Consumed>
  /** Whether this key was consumed and is remembered in `record` (see `ConsumeOptions.spent`). */
  wasSpent(record: Key, key: Key): Promise<boolean>
  /** Adds a member to an index for `ttlSeconds`. */
  link(index: Key, member: string, ttlSeconds: number): Promise<void>
  unlink(index: Key, member: string): Promise<void>
  /** The live members of an index, in no order. */
  members(index: Key): Promise<string[]>
  /** Removes, in one step, every entry the index lists (its members are keys), the index, and `also`. */
  removeMembers(index: Key, also?: readonly Key[]): Promise<void>
  /**
   * Keys of a kind whose entries have no end, a page at a time; live ones that have an end may be among them. A key stored
   * meanwhile may be missed; none that stays is, though one may come twice.
   */
  list(kind: string, options?: { cursor?: string; limit?: number }): Promise<Page>
  /** Adds to a log; the entry is kept for `keepSeconds`. Gives its cursor. */
  append(log: string, value: string, keepSeconds: number): Promise<string>
  /** Live log entries after `after` (from the start without it), oldest first. */
  read(log: string, after: string | undefined, limit: number): Promise<LogEntry[]>
  /**
   * Calls `listener` for each entry after `after`, in order, within a second of its append. Returns a stop. When the lineage
   * changes (a failover, a restart of Redis), all live entries are given again: listeners must merge.
   */
  follow(log: string, after: string | undefined, listener: (entry: LogEntry) => void): () => void
  status(): StoreStatus
  close(): Promise<void>
}
