/** The records of the embedded store, read in one transaction and so from one state. */

import { DatabaseSync, type StatementSync } from 'node:sqlite'

import type { Clock } from '../../base/clock.ts'
import { type Archive, isOfStore, type StoredEntry, type StoredRecord } from '../backup/archive.ts'
import { asFault } from './database.ts'
import { prepareWrite, rowIdOf, rowIdsOf } from './statements.ts'
import { FOREVER_MS } from '../expiry.ts'
import { keys } from '../keys.ts'
import type { Key, Store } from '../store.ts'

const BATCH = 500
const BUSY_MS = 5000

export interface EmbeddedArchiveOptions {
  readonly file: string
  readonly clock: Clock
  /** An open store on the same file. */
  readonly store: Pick<Store, 'append'>
}

export function openEmbeddedArchive({ file, clock, store }: EmbeddedArchiveOptions): Archive {
  const database = new DatabaseSync(file, { timeout: BUSY_MS })

  return {
    async *dump() {
      const reader = new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS })
      try {
        reader.exec('BEGIN')
        yield* inBatches(recordsOf(reader, clock()))
      } catch (cause) {
        throw asFault(cause)
      } finally {
        reader.close()
      }
    },

    async load(records) {
      loadBatch(database, records, clock())
      for (const record of records) {
        if (record.kind !== 'log') continue
        const leftMs = record.endsAtMs - clock()
        if (leftMs > 0) await store.append(record.log, record.value, leftMs / 1000)
      }
    },

    async isEmpty() {
      const found = database.prepare(
        `SELECT EXISTS (SELECT 1 FROM entry WHERE key NOT LIKE 'identity:%' AND expires_at_ms > ?1)
          OR EXISTS (SELECT 1 FROM log WHERE expires_at_ms > ?1) AS found`,
      )
      return found.get(clock())?.found === 0
    },

    async clear() {
      database.exec(`BEGIN IMMEDIATE;
        DELETE FROM entry WHERE key NOT LIKE 'identity:%';
        DELETE FROM link; DELETE FROM spent; DELETE FROM log;
        COMMIT`)
    },

    async close() {
      database.close()
    },
  }
}

/** Lets other work of the process go on between two batches. */
async function* inBatches(records: Iterable<StoredRecord>): AsyncIterable<readonly StoredRecord[]> {
  let batch: StoredRecord[] = []
  for (const record of records) {
    batch.push(record)
    if (batch.length < BATCH) continue
    yield batch
    batch = []
    await new Promise((resolve) => setImmediate(resolve))
  }
  if (batch.length > 0) yield batch
}

const ENTRIES = `
  SELECT key, value, version, expires_at_ms AS endsAtMs, member_of AS memberOf, consumed_at_ms AS atMs,
    consumed_by AS "by", note, note_expires_at_ms AS noteEndsAtMs,
    (SELECT json_group_array(ref.key) FROM json_each(entry.refs) CROSS JOIN entry AS ref ON ref.id = json_each.value
      WHERE ref.expires_at_ms > ?1) AS refs
  FROM entry WHERE expires_at_ms > ?1`

interface EntryRow {
  readonly key: Key
  readonly value: string
  readonly version: number
  readonly endsAtMs: number
  readonly memberOf: Key | null
  readonly atMs: number | null
  readonly by: string | null
  readonly note: string | null
  readonly noteEndsAtMs: number | null
  readonly refs: string
}

function* recordsOf(database: DatabaseSync, nowMs: number): Iterable<StoredRecord> {
  const spent = database.prepare('SELECT id, expires_at_ms FROM spent WHERE record = ? AND expires_at_ms > ?')
  spent.setReadBigInts(true)
  for (const row of database.prepare(ENTRIES).iterate(nowMs) as Iterable<unknown>) {
    const entry = toStoredEntry(row as EntryRow)
    if (isOfStore(entry.key)) continue
    yield entry
    yield* spentIn(spent, entry.key, nowMs)
  }
  const links = database.prepare('SELECT list, member, expires_at_ms FROM link WHERE expires_at_ms > ?')
  for (const { list, member, expires_at_ms } of links.iterate(nowMs)) {
    if (list === 'probe') continue
    yield { kind: 'link', index: list as Key, member: String(member), endsAtMs: Number(expires_at_ms) }
  }
  const logs = database.prepare('SELECT log, value, expires_at_ms FROM log WHERE expires_at_ms > ? ORDER BY seq')
  for (const { log, value, expires_at_ms } of logs.iterate(nowMs)) {
    yield { kind: 'log', log: String(log), value: String(value), endsAtMs: Number(expires_at_ms) }
  }
}

/** The rows name their record by its row id alone, so they are found from the grant that the record is of. */
function* spentIn(spent: StatementSync, key: Key, nowMs: number): Iterable<StoredRecord> {
  if (!key.startsWith('grant:')) return
  const record = keys.spent(key.slice(key.lastIndexOf(':') + 1))
  for (const { id, expires_at_ms } of spent.all(rowIdOf(record), nowMs)) {
    const tag = BigInt.asUintN(64, id as bigint)
      .toString(16)
      .padStart(16, '0')
    yield { kind: 'spent', record, tag, endsAtMs: Number(expires_at_ms) }
  }
}

function toStoredEntry(row: EntryRow): StoredEntry {
  const { key, value, version, endsAtMs, memberOf, atMs, by, note, noteEndsAtMs } = row
  const refs = JSON.parse(row.refs) as Key[]
  const noted = note === null || noteEndsAtMs === null ? {} : { note, noteEndsAtMs }
  return {
    kind: 'entry',
    ...{ key, value, version },
    ...(endsAtMs !== FOREVER_MS && { endsAtMs }),
    ...(refs.length > 0 && { refs }),
    ...(memberOf !== null && { memberOf }),
    ...(atMs !== null && by !== null && { consumed: { atMs, by, ...noted } }),
  }
}

function loadBatch(database: DatabaseSync, records: readonly StoredRecord[], nowMs: number): void {
  const entry = prepareWrite(
    database,
    `INSERT OR REPLACE INTO entry (id, key, value, version, expires_at_ms, refs, member_of,
    consumed_at_ms, consumed_by, note, note_expires_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const link = prepareWrite(database, 'INSERT OR REPLACE INTO link (list, member, expires_at_ms) VALUES (?, ?, ?)')
  const spent = prepareWrite(database, 'INSERT OR REPLACE INTO spent (record, id, expires_at_ms) VALUES (?, ?, ?)')
  database.exec('BEGIN IMMEDIATE')
  try {
    for (const record of records) {
      const endsAtMs = record.endsAtMs ?? FOREVER_MS
      if (endsAtMs <= nowMs) continue
      if (record.kind === 'entry') entry.run(...valuesOf(record, endsAtMs))
      if (record.kind === 'link') link.run(record.index, record.member, endsAtMs)
      if (record.kind === 'spent') spent.run(rowIdOf(record.record), fromTag(record.tag), endsAtMs)
    }
    database.exec('COMMIT')
  } catch (cause) {
    database.exec('ROLLBACK')
    throw asFault(cause)
  }
}

function valuesOf({ key, value, version, refs, memberOf, consumed }: StoredEntry, endsAtMs: number) {
  const { atMs = null, by = null, note = null, noteEndsAtMs = null } = consumed ?? {}
  const links = [refs === undefined ? null : rowIdsOf(refs), memberOf ?? null]
  return [rowIdOf(key), key, value, version, endsAtMs, ...links, atMs, by, note, noteEndsAtMs] as const
}

function fromTag(tag: string): bigint {
  return BigInt.asIntN(64, BigInt(`0x${tag}`))
}
