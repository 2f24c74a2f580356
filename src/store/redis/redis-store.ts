/**
 * The store of many machines: Redis, alone, with Sentinel, or as a Cluster.
 *
 * Every verb that decides something is one script (see scripts/), so Redis decides it. Entries expire twice: by the
 * injected clock, which is read here or passed to the script, and physically, by the time to live that Redis counts.
 */

import { type Clock, monotonicClock } from '../../base/clock.ts'
import { randomId } from '../../base/ids.ts'
import { CLOCKS_DIFFER_MS, toMs } from '../expiry.ts'
import { ClockComparison } from './health/clocks.ts'
import { RedisConnection } from './connection/connection.ts'
import { RedisHealth } from './health/health.ts'
import { listEntries } from './list.ts'
import { RedisLog } from './log.ts'
import { keys as names } from '../keys.ts'
import { parseRedisUrl } from './connection/url.ts'
import { assertSameShard } from '../same-shard.ts'
import { scripts } from './scripts.ts'
import { spentTag } from '../spent-tag.ts'
import type {
  Consumed,
  ConsumeOptions,
  Consumption,
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

export interface RedisStoreOptions {
  readonly url: string
  readonly clock: Clock
  /** For how long ago Redis last took a write. */
  readonly monotonic?: Clock
  /** Before every key, so that several issuers may share a Redis. */
  readonly prefix?: string
  readonly commandTimeoutMs?: number
  /** How many replicas have to confirm what decides. Unset: none on a single Redis, else one while one is left. */
  readonly replicas?: number | undefined
}

/**
 * Opens the store, whether or not Redis answers: `status` reports it, and the store recovers by itself. Throws
 * `ConfigInvalid` for an invalid URL.
 */
export async function openRedisStore(options: RedisStoreOptions): Promise<RedisStore> {
  const { url, clock, monotonic = monotonicClock, prefix = 'grantor:', commandTimeoutMs = 2000 } = options
  const address = parseRedisUrl(url)
  const { replicas = address.kind === 'standalone' ? 0 : undefined } = options
  const connection = new RedisConnection({ address, commandTimeoutMs, replicas, monotonic })
  const store = new RedisStore({ connection, prefix, clock, monotonic })
  await connection.open()
  await store.examine()
  return store
}

export interface RedisParts {
  readonly connection: RedisConnection
  readonly prefix: string
  readonly clock: Clock
  readonly monotonic: Clock
}

const LIST_LIMIT = 500

/** The fields of an entry in the order in which HMGET gives them. */
const FIELDS = ['value', 'version', 'expires', 'consumed_at', 'note', 'note_expires'] as const
type Fields = readonly (string | null)[]

export class RedisStore implements Store {
  /** A second or two with `appendfsync everysec`, and one between two progress marks. */
  readonly lapseMs = 3000
  readonly #connection: RedisConnection
  readonly #health: RedisHealth
  readonly #prefix: string
  readonly #clock: Clock
  readonly #log: RedisLog

  constructor({ connection, prefix, clock, monotonic }: RedisParts) {
    this.#connection = connection
    this.#prefix = prefix
    this.#clock = clock
    this.#log = new RedisLog(connection, prefix, clock)
    const node = randomId()
    const clocks = new ClockComparison({ connection, prefix, node, clock, monotonic })
    this.#health = new RedisHealth({ connection, clocks, store: this, monotonic, prefix, node })
  }

  /** Looks at Redis now, so that `status` is of now. */
  examine(): Promise<void> {
    return this.#health.beatAfresh()
  }

  async get(key: Key): Promise<Entry | undefined> {
    const fields = (await this.#connection.send('hmget', this.#prefix + key, ...FIELDS)) as Fields
    return toLiveEntry(fields, this.#clock())
  }

  getMany(keys: readonly Key[]): Promise<(Entry | undefined)[]> {
    return Promise.all(keys.map((key) => this.get(key)))
  }

  async getLinked(key: Key): Promise<Linked | undefined> {
    const args = [this.#prefix, this.#clock()]
    const reply = (await this.#connection.run(scripts.getLinked, [this.#prefix + key], args, 'plain')) as
      | string[]
      | null
    if (reply === null) return undefined
    const [value, state, ...linked] = reply as [string, string, ...string[]]
    const refs = new Map<Key, Entry>()
    for (let i = 0; i < linked.length; i += 3) {
      refs.set(linked[i] as Key, toEntry(linked[i + 1] as string, linked[i + 2] as string))
    }
    return { entry: toEntry(value, state), refs }
  }

  async put(key: Key, value: string, options: PutOptions = {}): Promise<PutOutcome> {
    const { ifAbsent, ifVersion, ifPresent = [] } = options
    assertSameShard(key, ifPresent, options.refs, options.memberOf && [options.memberOf])
    const [ttl, refs, index] = lifeAndLinks(options)
    const keys = [key, ...ifPresent].map((each) => this.#prefix + each)
    const conditions = [ifAbsent === true ? CLOCKS_DIFFER_MS : '', ifVersion ?? '']
    const args = [this.#prefix, this.#clock(), value, ttl, ...conditions, refs, index]
    const script = options.ending === true ? scripts.putEnding : scripts.put
    return (await this.#connection.run(script, keys, args, 'deciding')) as PutOutcome
  }

  async take(key: Key): Promise<string | undefined> {
    const args = [this.#prefix, this.#clock()]
    const value = await this.#connection.run(scripts.take, [this.#prefix + key], args, 'deciding')
    return (value as string | null) ?? undefined
  }

  async remove(keys: readonly Key[]): Promise<void> {
    const removals = keys.map((key) =>
      this.#connection.run(scripts.remove, [this.#prefix + key], [this.#prefix], 'ending'),
    )
    await Promise.all(removals)
  }

  /** A write to the same primary; the wait after it covers all that was written there before. */
  confirm(key: Key): Promise<void> {
    return this.remove([names.nothingNear(key)])
  }

  async increment(key: Key, ttlSeconds: number): Promise<Counted> {
    const args = [this.#clock(), Math.max(1, toMs(ttlSeconds))]
    const [count, expires] = (await this.#connection.run(scripts.increment, [this.#prefix + key], args, 'plain')) as [
      number,
      string,
    ]
    return { count, expiresAtMs: Number(expires) }
  }

  async decrement(key: Key, most: number): Promise<void> {
    await this.#connection.run(scripts.decrement, [this.#prefix + key], [this.#clock(), most], 'plain')
  }

  async consume(key: Key, by: string, options: ConsumeOptions = {}): Promise<Consumed> {
    const { successor, note = '', noteSeconds = 0, spent } = options
    const { ifPresent = [], refs, memberOf } = successor?.options ?? {}
    assertSameShard(key, successor && [successor.key], ifPresent, refs, memberOf && [memberOf], spent && [spent.in])
    const keys = successor === undefined ? [key] : [key, successor.key, ...ifPresent]
    const args = [this.#prefix, this.#clock(), by, note, toMs(noteSeconds)]
    args.push(...(spent === undefined ? ['', '', ''] : [spent.in, spentTag(key), toMs(spent.keepSeconds)]))
    if (successor !== undefined) args.push(successor.value, ...lifeAndLinks(successor.options ?? {}))
    const reply = await this.#connection.runRepeatable(
      scripts.consume,
      keys.map((each) => this.#prefix + each),
      args,
      'deciding',
    )
    return toConsumed(reply as [Consumed['outcome'], string, string | null])
  }

  async wasSpent(record: Key, key: Key): Promise<boolean> {
    const args = [this.#clock(), spentTag(key)]
    return (await this.#connection.run(scripts.wasSpent, [this.#prefix + record], args, 'plain')) === 1
  }

  async link(index: Key, member: string, ttlSeconds: number): Promise<void> {
    const args = [this.#clock(), member, toMs(ttlSeconds)]
    await this.#connection.run(scripts.link, [this.#prefix + index], args, 'deciding')
  }

  async unlink(index: Key, member: string): Promise<void> {
    await this.#connection.send('zrem', this.#prefix + index, member)
  }

  async members(index: Key): Promise<string[]> {
    return (await this.#connection.send('zrangebyscore', this.#prefix + index, `(${this.#clock()}`, '+inf')) as string[]
  }

  async removeMembers(index: Key, also: readonly Key[] = []): Promise<void> {
    assertSameShard(index, also)
    const keys = [index, ...also].map((key) => this.#prefix + key)
    await this.#connection.run(scripts.removeMembers, keys, [this.#prefix], 'ending')
  }

  async list(kind: string, options: { cursor?: string; limit?: number } = {}): Promise<Page> {
    const { limit = LIST_LIMIT, cursor } = options
    const { keys, next } = await listEntries(this.#connection, `${this.#prefix}${kind}:`, limit, cursor)
    const names = keys.map((key) => key.slice(this.#prefix.length) as Key)
    const entries = await this.getMany(names)
    const live = names.filter((_, i) => entries[i] !== undefined)
    return next === undefined ? { keys: live } : { keys: live, cursor: next }
  }

  append(log: string, value: string, keepSeconds: number): Promise<string> {
    return this.#log.append(log, value, keepSeconds)
  }

  read(log: string, after: string | undefined, limit: number): Promise<LogEntry[]> {
    return this.#log.read(log, after, limit)
  }

  follow(log: string, after: string | undefined, listener: (entry: LogEntry) => void): () => void {
    return this.#log.follow(log, after, listener)
  }

  status(): StoreStatus {
    return this.#health.status()
  }

  async close(): Promise<void> {
    this.#health.close()
    this.#log.close()
    this.#connection.close()
  }
}

/** Time to live in ms, refs and index, as put.lua and consume.lua expect them. */
function lifeAndLinks(options: PutOptions): [ttl: number | '', refs: string, index: string] {
  const ttl = options.ttlSeconds === undefined ? '' : toMs(options.ttlSeconds)
  return [ttl, options.refs?.join('\n') ?? '', options.memberOf ?? '']
}

function toLiveEntry(fields: Fields, nowMs: number): Entry | undefined {
  const [value, version, expires, consumedAt, note, noteExpires] = fields
  if (value == null || Number(expires) <= nowMs) return undefined
  if (consumedAt == null) return { value, version: Number(version) }
  const isNoteLive = note != null && Number(noteExpires) > nowMs
  return { value, version: Number(version), consumed: toConsumption(consumedAt, isNoteLive ? note : null) }
}

/** From the reply of get-linked.lua for a live entry. */
function toEntry(value: string, state: string): Entry {
  const [version, consumedAt, ...note] = state.split('\n')
  if (consumedAt === undefined) return { value, version: Number(version) }
  const consumed = toConsumption(consumedAt, note.length === 0 ? null : note.join('\n'))
  return { value, version: Number(version), consumed }
}

function toConsumed([outcome, consumedAt, note]: [Consumed['outcome'], string, string | null]): Consumed {
  return outcome === 'lost' ? { outcome, consumed: toConsumption(consumedAt, note) } : { outcome }
}

function toConsumption(consumedAt: string, note: string | null): Consumption {
  return note === null ? { atMs: Number(consumedAt) } : { atMs: Number(consumedAt), note }
}
