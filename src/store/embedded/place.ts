/**
 * Distinguishes the store file from a copy of it.
 *
 * While the store is in use, the last writes are in the WAL next to the file, and the file's header says so. The last
 * process that exits cleanly moves everything into the file and changes the header. So a file whose header names a
 * missing WAL is an incomplete copy of a running store. The file also remembers its own number in the file system; a
 * complete copy has another number. A complete copy is opened, but as a store that was set back (see
 * revocation/store-change.ts).
 */

import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'

import { StoreRefused } from '../../faults/store.ts'
import { prepareWrite, rowIdOf } from './statements.ts'
import { FOREVER_MS } from '../expiry.ts'
import { keys } from '../keys.ts'

/** Where the file is, in a table of one row. */
export const PLACE_SCHEMA = 'CREATE TABLE IF NOT EXISTS place (id INTEGER PRIMARY KEY, number TEXT, born TEXT) STRICT;'

// In the header of a SQLite file: the version of the format for writing, 2 with a WAL.
const FORMAT_AT = 18
const FORMAT_WITH_WAL = 2

/**
 * Whether the header says that there is a WAL and the WAL is missing. Call it before the file is opened, which creates
 * one.
 */
export function lacksWal(file: string): boolean {
  const header = Buffer.alloc(FORMAT_AT + 1)
  const descriptor = openSync(file, 'r')
  try {
    const length = readSync(descriptor, header, 0, header.length, 0)
    return length > FORMAT_AT && header[FORMAT_AT] === FORMAT_WITH_WAL && !existsSync(`${file}-wal`)
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Throws `StoreRefused` for a file without its WAL that is not where the store was. In its place it may be that another
 * program closed it, or that a server was killed while it left: everything may be there.
 */
export function refuseIncomplete(database: DatabaseSync, file: string): void {
  const isOld = hasTable(database, 'entry') && !hasTable(database, 'place')
  if (!isOld && !isSame(placeIn(database), placeOf(file))) throw new StoreRefused(INCOMPLETE(file))
}

const INCOMPLETE = (file: string) =>
  `${file} is a copy of a store in use, without the part that ${file}-wal held: put the original back, or take a copy with \`grantor backup\` and fill this one with \`grantor restore\`.`

/**
 * Within the transaction that opens the store: remembers where the file is, and marks a file that may have been set
 * back.
 */
export function notePlace(database: DatabaseSync, file: string, isIncomplete: boolean): void {
  const [before, now] = [placeIn(database), placeOf(file)]
  const isElsewhere = before !== undefined && !isSame(before, now)
  if (isElsewhere) refuseDamaged(database, file)
  if (isElsewhere || isIncomplete) markCopied(database)
  prepareWrite(database, 'INSERT OR REPLACE INTO place VALUES (1, ?, ?)').run(now.number, now.born)
}

/** Moves everything into the file, if no other process has it open. */
export function leaveWhole(database: DatabaseSync): void {
  try {
    database.exec('PRAGMA journal_mode = DELETE')
  } catch {
    // Another process has it open, or the disk is full: the WAL stays, and belongs to the file.
  }
}

interface Place {
  readonly number: string
  readonly born: string
}

function placeOf(file: string): Place {
  const { ino, birthtimeMs } = statSync(file, { bigint: true })
  return { number: String(ino), born: String(birthtimeMs) }
}

function placeIn(database: DatabaseSync): Place | undefined {
  if (!hasTable(database, 'place')) return undefined
  return database.prepare('SELECT number, born FROM place').get() as Place | undefined
}

/** Some file systems give files new numbers when they are mounted, others do not know when a file was made. */
function isSame(before: Place | undefined, now: Place): boolean {
  return before !== undefined && (before.number === now.number || before.born === now.born)
}

function hasTable(database: DatabaseSync, name: string): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(name) !== undefined
}

/** File and WAL that were copied one after the other may not fit together. */
function refuseDamaged(database: DatabaseSync, file: string): void {
  const result = database.prepare('PRAGMA quick_check(1)').get()
  if (result?.quick_check === 'ok') return
  throw new StoreRefused(
    `${file} is a copy that was taken while the store was written, and is damaged: take a copy with \`grantor backup\`.`,
  )
}

function markCopied(database: DatabaseSync): void {
  const key = keys.copied()
  const sql = 'INSERT OR REPLACE INTO entry (id, key, value, version, expires_at_ms) VALUES (?, ?, ?, 1, ?)'
  prepareWrite(database, sql).run(rowIdOf(key), key, '', FOREVER_MS)
}
