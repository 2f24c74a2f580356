/**
 * The SQL statements of the embedded store. Every statement finds its rows through an index; none scans a whole table.
 */

import { hash } from 'node:crypto'
import type { DatabaseSync, StatementSync } from 'node:sqlite'

import { CLOCKS_DIFFER_MS, FOREVER_MS } from '../expiry.ts'
import { momentIn } from '../moment.ts'
import type { Key } from '../store.ts'

// Moving so many pages takes about two milliseconds.
const GIVE_BACK_PAGES = 128

export type Statements = ReturnType<typeof prepareStatements>

export function prepareStatements(database: DatabaseSync) {
  const sql = (text: string): StatementSync => database.prepare(text)
  // As arrays: an object for each row, with its names, took as long as finding it.
  const rows = (text: string): StatementSync => inArrays(sql(text))
  const write = (text: string): StatementSync => prepareWrite(database, text)
  const columns = columnsOf('entry')
  return {
    get: rows(`SELECT ${columns} FROM entry WHERE id = ? AND key = ? AND expires_at_ms > ?`),
    isLive: rows('SELECT 1 FROM entry WHERE id = ? AND key = ? AND expires_at_ms > ?'),
    // CROSS JOIN fixes the order: the entry, the row ids in its refs, then each of those rows.
    linked: rows(`
      SELECT ${columns} FROM entry WHERE id = ?1 AND key = ?2 AND expires_at_ms > ?3
      UNION ALL
      SELECT ${columnsOf('ref')}
      FROM entry AS source CROSS JOIN json_each(source.refs) CROSS JOIN entry AS ref ON ref.id = json_each.value
      WHERE source.id = ?1 AND source.key = ?2 AND source.expires_at_ms > ?3 AND ref.expires_at_ms > ?3`),
    // Over an entry that has expired this stores a new one; over a live one it keeps whether that was consumed.
    put: write(`
      INSERT INTO entry (id, key, value, version, expires_at_ms, refs, member_of) VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6)
      ON CONFLICT (id) DO UPDATE SET
        value = excluded.value, refs = excluded.refs, member_of = excluded.member_of,
        version = iif(expires_at_ms > ?7, version + 1, 1),
        consumed_at_ms = iif(expires_at_ms > ?7, consumed_at_ms, NULL),
        consumed_by = iif(expires_at_ms > ?7, consumed_by, NULL),
        note = iif(expires_at_ms > ?7, note, NULL),
        expires_at_ms = excluded.expires_at_ms
      WHERE key = excluded.key`),
    take: sql('DELETE FROM entry WHERE id = ? AND key = ? AND expires_at_ms > ? RETURNING value'),
    remove: write('DELETE FROM entry WHERE id = ? AND key = ?'),
    increment: sql(`
      INSERT INTO entry (id, key, value, version, expires_at_ms) VALUES (?1, ?2, '1', 1, ?3)
      ON CONFLICT (id) DO UPDATE SET
        version = iif(expires_at_ms > ?4, version + 1, 1),
        value = iif(expires_at_ms > ?4, CAST(value AS INTEGER) + 1, 1),
        expires_at_ms = iif(expires_at_ms > ?4, expires_at_ms, excluded.expires_at_ms)
      WHERE key = excluded.key
      RETURNING CAST(value AS INTEGER) AS count, expires_at_ms AS expiresAtMs`),
    decrement: write(`
      UPDATE entry SET version = version + 1, value = min(CAST(value AS INTEGER), ?4) - 1
      WHERE id = ?1 AND key = ?2 AND expires_at_ms > ?3`),
    removeZero: write("DELETE FROM entry WHERE id = ? AND key = ? AND value <= '0'"),
    consume: write(`
      UPDATE entry SET
        consumed_at_ms = ?1, consumed_by = ?2, note = ?3, note_expires_at_ms = ?4, expires_at_ms = min(expires_at_ms, ?5)
      WHERE id = ?6 AND key = ?7 AND expires_at_ms > ?1 AND consumed_at_ms IS NULL`),
    // The row ids of the record and of the entry: 52 bytes with the index, where the entry took a thousand.
    spend: write(`
      INSERT OR REPLACE INTO spent (record, id, expires_at_ms)
      SELECT ?1, id, expires_at_ms FROM entry
      WHERE id = ?2 AND key = ?3 AND expires_at_ms > ?4 AND consumed_at_ms IS NULL`),
    spent: sql('SELECT 1 FROM spent WHERE record = ? AND id = ? AND expires_at_ms > ?'),
    forgetSpent: write('DELETE FROM spent WHERE record = ?'),
    link: write(`
      INSERT INTO link (list, member, expires_at_ms) VALUES (?, ?, ?)
      ON CONFLICT (list, member) DO UPDATE SET expires_at_ms = excluded.expires_at_ms`),
    unlink: write('DELETE FROM link WHERE list = ? AND member = ?'),
    unlinkEntry: write('UPDATE entry SET member_of = NULL WHERE member_of = ? AND key = ?'),
    members: sql(`
      SELECT key AS member FROM entry WHERE member_of = ?1 AND expires_at_ms > ?2
      UNION
      SELECT member FROM link WHERE list = ?1 AND expires_at_ms > ?2`),
    removeMemberEntries: write('DELETE FROM entry WHERE member_of = ?'),
    linkedMembers: sql('SELECT member FROM link WHERE list = ?'),
    removeLinks: write('DELETE FROM link WHERE list = ?'),
    list: sql(`SELECT key FROM entry WHERE key > ? AND key < ? AND expires_at_ms = ${FOREVER_MS} ORDER BY key LIMIT ?`),
    expired: sql(`
      SELECT 1 WHERE EXISTS (SELECT 1 FROM entry WHERE expires_at_ms <= ?1)
        OR EXISTS (SELECT 1 FROM link WHERE expires_at_ms <= ?1) OR EXISTS (SELECT 1 FROM log WHERE expires_at_ms <= ?1 - ${CLOCKS_DIFFER_MS})
        OR EXISTS (SELECT 1 FROM spent WHERE expires_at_ms <= ?1)`),
    sweeps: [
      write('DELETE FROM entry WHERE id IN (SELECT id FROM entry WHERE expires_at_ms <= ? LIMIT ?)'),
      write(`DELETE FROM link WHERE (list, member) IN (
        SELECT list, member FROM link WHERE expires_at_ms <= ? LIMIT ?)`),
      write(`DELETE FROM spent WHERE (record, id) IN (
        SELECT record, id FROM spent WHERE expires_at_ms <= ? LIMIT ?)`),
      // A clock that is stepped forward for a short time must not remove revocations that are needed when it is right
      // again.
      write(`DELETE FROM log WHERE seq IN (
        SELECT seq FROM log WHERE expires_at_ms <= ? - ${CLOCKS_DIFFER_MS} LIMIT ?)`),
    ],
    // How far the file can grow, and how much of it is unused.
    pages: sql(`
      SELECT page_count AS used, freelist_count AS free, max_page_count AS most, page_size AS bytes,
        auto_vacuum AS shrinks
      FROM pragma_page_count, pragma_freelist_count, pragma_max_page_count, pragma_page_size, pragma_auto_vacuum`),
    giveBack: sql(`PRAGMA incremental_vacuum(${GIVE_BACK_PAGES})`),
    checkpoint: sql('PRAGMA wal_checkpoint(PASSIVE)'),
    // Any write will do; this one changes nothing but writes a page.
    probe: write("UPDATE sqlite_sequence SET seq = seq WHERE name = 'log'"),
  }
}

const ROW_ID_BITS = 64
const ROW_ID_DIGITS = ROW_ID_BITS / 4

/**
 * Where an entry lies in its table: 64 bits of the SHA-256 of its key.
 *
 * One descent of one tree finds it, whose inner nodes hold nothing but row ids; an index on keys would be a second tree,
 * and made to find a token among a million take twice as long as among a thousand. Of ten million keys two share a
 * row id once in 370,000 times: then the second is not stored, which its caller learns. Where a key has a moment, that
 * stands in the first 28 bits: entries of one time share pages, and of ten million made evenly within an hour two share a
 * row id once in 1,240 times.
 */
export function rowIdOf(key: Key): bigint {
  const moment = momentIn(key) ?? ''
  // As text: a buffer for each takes four times as long.
  const digits = moment + hash('sha256', key, 'hex').slice(0, ROW_ID_DIGITS - moment.length)
  return BigInt.asIntN(ROW_ID_BITS, BigInt(`0x${digits}`))
}

/** What `refs` holds: their row ids, as JSON. */
export function rowIdsOf(keys: readonly Key[]): string {
  return `[${keys.map(rowIdOf).join(',')}]`
}

/**
 * A statement to `run`. Its counts are bigints: `run` also gives the row id of the last insert, which has 64 bits here,
 * and Node 26 throws where that does not fit into a number.
 */
export function prepareWrite(database: DatabaseSync, text: string): StatementSync {
  const statement = database.prepare(text)
  statement.setReadBigInts(true)
  return statement
}

function inArrays(statement: StatementSync): StatementSync {
  statement.setReturnArrays(true)
  return statement
}

/** One row of `get` and `linked`. */
export type EntryRow = [
  key: Key,
  value: string,
  version: number,
  consumedAtMs: number | null,
  consumedBy: string | null,
  note: string | null,
  noteExpiresAtMs: number | null,
]

function columnsOf(table: string): string {
  const columns = ['key', 'value', 'version', 'consumed_at_ms', 'consumed_by', 'note', 'note_expires_at_ms']
  return columns.map((column) => `${table}.${column}`).join(', ')
}
