/**
 * The records of the Redis store, read with SCAN from every primary.
 *
 * Each key is read in one step; two keys may be from different times while servers write. A restore does not depend on
 * that: indexes are rebuilt from their members, and everything that was issued is ended.
 */

import type { Redis } from 'ioredis'

import { type Clock, monotonicClock } from '../../base/clock.ts'
import { type Archive, isOfStore, type StoredEntry, type StoredRecord } from '../backup/archive.ts'
import { FOREVER_MS } from '../expiry.ts'
import { RedisConnection } from './connection/connection.ts'
import { unavailable } from './connection/faults.ts'
import { parseRedisUrl } from './connection/url.ts'
import { scripts } from './scripts.ts'
import { tagOfBits } from '../spent-tag.ts'
import type { Key, Store } from '../store.ts'

const SCAN_COUNT = 500
const LOG_PAGE = 500
const LOG = /^log:\{log\}:(.+)$/
const KEY = /^[\w-]+:\{[^{}]+\}:./
const TAG_LENGTH = 12
const SPENT_LENGTH = 23

export interface RedisArchiveOptions {
  readonly url: string
  readonly clock: Clock
  readonly prefix?: string
  /** An open store on the same Redis. */
  readonly store: Pick<Store, 'append' | 'link'>
}

// Reading a large index or log takes longer than what a server waits for.
const COMMAND_MS = 30_000
// The store opened with it judges whether Redis may be used. Its last write is confirmed together with all earlier
// ones.
const CARE = 'judging'

export async function openRedisArchive({
  url,
  clock,
  store,
  prefix = 'grantor:',
}: RedisArchiveOptions): Promise<Archive> {
  const address = parseRedisUrl(url)
  const connection = new RedisConnection({
    ...{ address, commandTimeoutMs: COMMAND_MS, replicas: 0, monotonic: monotonicClock },
  })
  await connection.open()
  const primaries = () => connection.links().map((link) => link.reader)

  return {
    async *dump() {
      for (const primary of primaries()) {
        for await (const names of scanned(primary, prefix)) {
          yield await recordsOf(primary, names)
          for (const name of names) yield* logRecords(primary, name)
        }
      }
    },

    async load(records) {
      const now = clock()
      const live = records.filter(({ endsAtMs = FOREVER_MS }) => endsAtMs > now)
      await Promise.all(live.map((record) => loadOne(record, now)))
      for (const record of live) {
        if (record.kind === 'log') await store.append(record.log, record.value, (record.endsAtMs - now) / 1000)
      }
    },

    async isEmpty() {
      for (const primary of primaries()) {
        for await (const names of scanned(primary, prefix)) {
          if (names.some((name) => LOG.test(name)) || (await recordsOf(primary, names)).length > 0) return false
        }
      }
      return true
    },

    async clear() {
      for (const primary of primaries()) {
        for await (const names of scanned(primary, prefix)) {
          const unwanted = names.filter((name) => !isOfStore(name))
          // One by one: the keys of a page lie in different slots of a Cluster.
          await asked(primary, unwanted, (name) => ['unlink', prefix + name])
        }
      }
    },

    close: async () => connection.close(),
  }

  async function recordsOf(primary: Redis, names: readonly string[]): Promise<StoredRecord[]> {
    const wanted = names.filter((name) => KEY.test(name) && !isOfStore(name) && !LOG.test(name))
    const types = await asked(primary, wanted, (name) => ['type', prefix + name])
    const ofType = (type: string) => wanted.filter((_, at) => types[at] === type)
    const [hashes, indexes, strings] = [ofType('hash'), ofType('zset'), ofType('string')]
    const entries = await asked(primary, hashes, (name) => ['hgetall', prefix + name])
    const lists = await asked(primary, indexes, (name) => ['zrange', prefix + name, '0', '-1', 'WITHSCORES'])
    const spent = await asked(primary, strings, (name) => ['get', prefix + name])
    const links = await Promise.all(indexes.map((name, at) => linksOf(primary, name as Key, lists[at] as string[])))
    return [
      ...hashes.flatMap((name, at) => toEntry(name as Key, entries[at], clock())),
      ...links.flat(),
      ...strings.flatMap((name, at) => toSpent(name as Key, (spent[at] ?? '') as string, clock())),
    ]
  }

  /** Members that are entries list themselves when they are loaded. */
  async function linksOf(primary: Redis, index: Key, list: readonly string[]): Promise<StoredRecord[]> {
    const members = list.filter((_, at) => at % 2 === 0)
    const indexOf = await asked(primary, members, (member) => ['hget', prefix + member, 'index'])
    return members.flatMap((member, at) => {
      const endsAtMs = Number(list[at * 2 + 1])
      return endsAtMs > clock() && indexOf[at] !== index ? [{ kind: 'link' as const, index, member, endsAtMs }] : []
    })
  }

  async function* logRecords(primary: Redis, name: string): AsyncIterable<readonly StoredRecord[]> {
    const log = LOG.exec(name)?.[1]
    if (log === undefined) return
    for (let after = '-'; ; ) {
      const page = await answered(primary.xrange(prefix + name, after, '+', 'COUNT', LOG_PAGE))
      yield page.flatMap(([, fields]) => toLogRecord(log, fields, clock()))
      const last = page.at(-1)
      if (page.length < LOG_PAGE || last === undefined) return
      after = `(${last[0]}`
    }
  }

  async function loadOne(record: StoredRecord, now: number): Promise<void> {
    if (record.kind === 'link') await store.link(record.index, record.member, (record.endsAtMs - now) / 1000)
    if (record.kind === 'entry') {
      await connection.run(scripts.loadEntry, [prefix + record.key], [prefix, now, ...valuesOf(record)], CARE)
    }
    if (record.kind === 'spent') {
      const args = [now, tagOfBits(BigInt(`0x${record.tag}`)), record.endsAtMs]
      await connection.run(scripts.loadSpent, [prefix + record.record], args, CARE)
    }
  }
}

/** Every key of ours on one primary, without the prefix, a page at a time. */
async function* scanned(primary: Redis, prefix: string): AsyncIterable<readonly string[]> {
  const match = `${prefix.replace(/[*?[\]\\^-]/g, '\\$&')}*`
  let position = '0'
  do {
    const [next, found] = await answered(primary.scan(position, 'MATCH', match, 'COUNT', SCAN_COUNT))
    position = next
    yield [...new Set(found)].map((name) => name.slice(prefix.length))
  } while (position !== '0')
}

/** The replies to one command for each name, in one round trip. A key that is of another type now has none. */
async function asked(
  primary: Redis,
  names: readonly string[],
  command: (name: string) => [name: string, ...args: string[]],
): Promise<unknown[]> {
  if (names.length === 0) return []
  const replies = (await answered(primary.pipeline(names.map(command)).exec())) ?? []
  return replies.map(([error, reply]) => {
    if (error !== null && !/^WRONGTYPE/.test(error.message)) throw unavailable(error)
    return error === null ? reply : undefined
  })
}

async function answered<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply
  } catch (cause) {
    throw unavailable(cause)
  }
}

function toEntry(key: Key, reply: unknown, nowMs: number): StoredEntry[] {
  const fields = Array.isArray(reply) ? pairs(reply as string[]) : ((reply ?? {}) as Record<string, string>)
  const { value, version, expires, refs = '', index = '', consumed_at: at, consumed_by: by } = fields
  if (value === undefined || Number(expires) <= nowMs) return []
  const { note, note_expires: noteEnds } = fields
  const noted = note === undefined || noteEnds === undefined ? {} : { note, noteEndsAtMs: Number(noteEnds) }
  return [
    {
      kind: 'entry',
      ...{ key, value, version: Number(version) },
      ...(Number(expires) !== FOREVER_MS && { endsAtMs: Number(expires) }),
      ...(refs !== '' && { refs: refs.split('\n') as Key[] }),
      ...(index !== '' && { memberOf: index as Key }),
      ...(at !== undefined && by !== undefined && { consumed: { atMs: Number(at), by, ...noted } }),
    },
  ]
}

function pairs(list: readonly string[]): Record<string, string> {
  return Object.fromEntries(list.flatMap((name, at) => (at % 2 === 0 ? [[name, list[at + 1] ?? '']] : [])))
}

function toSpent(record: Key, text: string, nowMs: number): StoredRecord[] {
  if (!record.startsWith('spent:')) return []
  return Array.from({ length: Math.floor(text.length / SPENT_LENGTH) }, (_, at) => {
    const one = text.slice(at * SPENT_LENGTH, (at + 1) * SPENT_LENGTH)
    const tag = Buffer.from(one.slice(0, TAG_LENGTH), 'base64url').subarray(0, 8).toString('hex')
    return { kind: 'spent' as const, record, tag, endsAtMs: Number.parseInt(one.slice(TAG_LENGTH), 16) }
  }).filter(({ endsAtMs }) => endsAtMs > nowMs)
}

function toLogRecord(log: string, fields: readonly string[], nowMs: number): StoredRecord[] {
  const { value = '', expires } = pairs(fields)
  const endsAtMs = Number(expires)
  return endsAtMs > nowMs ? [{ kind: 'log', log, value, endsAtMs }] : []
}

function valuesOf({ value, version, endsAtMs, refs = [], memberOf, consumed }: StoredEntry): (string | number)[] {
  const life = [value, version, endsAtMs ?? '', refs.join('\n'), memberOf ?? '']
  return [...life, consumed?.atMs ?? '', consumed?.by ?? '', consumed?.note ?? '', consumed?.noteEndsAtMs ?? '']
}
