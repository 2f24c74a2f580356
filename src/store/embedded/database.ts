/**
 * The SQLite file behind the embedded store: how it is made, its tables, and what its errors mean.
 *
 * WAL lets readers of any process go on while one writes. `synchronous=NORMAL` keeps every commit through the death of
 * the process, and the file whole through a power cut; what decides is synced before it is acknowledged (see WalSync).
 */

import { accessSync, closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'

import { StoreRefused, StoreUnavailable } from '../../faults/store.ts'
import { lacksWal, notePlace, PLACE_SCHEMA, refuseIncomplete } from './place.ts'
import { prepareWrite, rowIdOf, rowIdsOf } from './statements.ts'
import { FOREVER_MS } from '../expiry.ts'
import type { Key } from '../store.ts'

// Opening may collide with another process that creates the file or recovers it after a crash. No wait happens inside
// SQLite, where it would stop the whole process, and SQLite does not wait for every lock (see also WriteQueue).
const OPEN_RETRY_MS = 10
const OPEN_TRIES = 500
const INCOMPLETE_TRIES = 50

/**
 * The database at `file`, created for its owner alone if it is not there. `makeRoom` is asked where the disk is full:
 * opening takes some space, and the command that revokes has to open it.
 */
export async function openDatabase(file: string, nowMs: number, makeRoom?: () => void): Promise<DatabaseSync> {
  createPrivately(file)
  for (let tries = 1; ; tries++) {
    const isIncomplete = lacksWal(file)
    const database = new DatabaseSync(file)
    try {
      if (isIncomplete) refuseIncomplete(database, file)
      prepare(database, { file, nowMs, isIncomplete })
      // A process that leaves a deleted store removes the log by its name, which by now may be ours.
      accessSync(`${file}-wal`)
      return database
    } catch (error) {
      database.close()
      if (isFull(error) && tries === 1) makeRoom?.()
      else if (!mayPass(error, tries)) throw error
    }
    await setTimeout(OPEN_RETRY_MS)
  }
}

/** A file without its WAL is looked at again: another process may be making the one or removing the other. */
function mayPass(error: unknown, tries: number): boolean {
  if (error instanceof StoreRefused) return tries < INCOMPLETE_TRIES
  const isLogGone = error instanceof Error && 'code' in error && error.code === 'ENOENT'
  return (isBusy(error) || isLogGone) && tries < OPEN_TRIES
}

interface Opening {
  readonly file: string
  readonly nowMs: number
  readonly isIncomplete: boolean
}

function prepare(database: DatabaseSync, { file, nowMs, isIncomplete }: Opening): void {
  database.exec(SETTINGS)
  letShrink(database)
  database.exec('BEGIN IMMEDIATE')
  const isOld = database.prepare(HAS_OLD_ENTRIES).get() !== undefined
  if (isOld) database.exec(SET_OLD_ENTRIES_ASIDE)
  database.exec(SCHEMA)
  if (isOld) takeOver(database)
  notePlace(database, file, isIncomplete)
  // Sequence numbers of a new file begin at the present microsecond: a node of an earlier release, whose cursors are these
  // numbers, misses nothing when the file is replaced.
  const firstNumber =
    "INSERT INTO sqlite_sequence (name, seq) SELECT 'log', ? WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence)"
  prepareWrite(database, firstNumber).run(nowMs * 1000)
  database.exec('COMMIT')
}

/** SQLite creates files that all may read, and gives its side files the mode of the main one: so we create that. */
function createPrivately(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  closeSync(openSync(file, 'a', 0o600))
}

const LARGEST_REBUILT_BYTES = 256 * 1024 * 1024

/**
 * Pages that are not used any more are given back only by a file that was made for it (see EmbeddedUpkeep). One of before is
 * rebuilt once, which takes a second for 100 MB and as much space again; larger ones stay as they are until the operator
 * rebuilds them (docs/guides/embedded-store.md).
 */
function letShrink(database: DatabaseSync): void {
  const { auto_vacuum: mode } = database.prepare('PRAGMA auto_vacuum').get() as { auto_vacuum: number }
  const size = 'SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size'
  const { bytes } = database.prepare(size).get() as { bytes: number }
  if (mode !== 0 || bytes > LARGEST_REBUILT_BYTES) return
  try {
    database.exec('PRAGMA auto_vacuum = INCREMENTAL; VACUUM')
  } catch {
    // Another process has it open, or there is no space: the next start tries again.
  }
}

const SETTINGS = `
  PRAGMA auto_vacuum = INCREMENTAL;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA cache_size = -4000;
  PRAGMA temp_store = MEMORY;
  PRAGMA journal_size_limit = 67108864;
`

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    version INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    refs TEXT,
    member_of TEXT,
    consumed_at_ms INTEGER,
    consumed_by TEXT,
    note TEXT,
    note_expires_at_ms INTEGER
  ) STRICT;
  CREATE INDEX IF NOT EXISTS entry_key ON entry (key) WHERE expires_at_ms = ${FOREVER_MS};
  CREATE INDEX IF NOT EXISTS entry_expiry ON entry (expires_at_ms);
  CREATE INDEX IF NOT EXISTS entry_member_of ON entry (member_of) WHERE member_of IS NOT NULL;

  CREATE TABLE IF NOT EXISTS link (
    list TEXT NOT NULL,
    member TEXT NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    PRIMARY KEY (list, member)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS link_expiry ON link (expires_at_ms);

  CREATE TABLE IF NOT EXISTS spent (
    record INTEGER NOT NULL,
    id INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    PRIMARY KEY (record, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS spent_expiry ON spent (expires_at_ms);

  CREATE TABLE IF NOT EXISTS log (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    log TEXT NOT NULL,
    value TEXT NOT NULL,
    expires_at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS log_order ON log (log, seq);
  CREATE INDEX IF NOT EXISTS log_expiry ON log (expires_at_ms);

  CREATE TABLE IF NOT EXISTS lineage (id TEXT NOT NULL) STRICT;
  INSERT INTO lineage SELECT lower(hex(randomblob(4))) WHERE NOT EXISTS (SELECT 1 FROM lineage);

  ${PLACE_SCHEMA}
`

// Before rows lay where the hash of their key says, they lay in the order they came, behind an index on keys.
const HAS_OLD_ENTRIES = "SELECT 1 FROM sqlite_schema WHERE name = 'entry' AND sql NOT LIKE '%id INTEGER PRIMARY KEY%'"
const SET_OLD_ENTRIES_ASIDE = `
  ALTER TABLE entry RENAME TO old_entry;
  DROP INDEX entry_expiry;
  DROP INDEX entry_member_of;
`

/** 335,000 entries took 8 s. */
function takeOver(database: DatabaseSync): void {
  database.function('row_id', (key) => rowIdOf(key as Key))
  database.function('row_ids', (refs) => (refs === null ? null : rowIdsOf(JSON.parse(refs as string) as Key[])))
  database.exec(`
    INSERT INTO entry
    SELECT row_id(key), key, value, version, expires_at_ms, row_ids(refs), member_of,
      consumed_at_ms, consumed_by, note, note_expires_at_ms
    FROM old_entry;
    DROP TABLE old_entry;
  `)
}

/**
 * Moves the log into the database after so many pages. With SQLite's 1,000 this took a twelfth of a refresh. A page that many
 * requests change, as those of indices, is moved once for all of them, so fewer checkpoints write less.
 */
export function checkpointAfter(database: DatabaseSync, pages: number): void {
  database.exec(`PRAGMA wal_autocheckpoint = ${pages}`)
}

const SQLITE_BUSY = 5
const SQLITE_FULL = 13
const SQLITE_IOERR_SHMSIZE = 4874

/** Whether another process holds the lock, so that trying again soon may help. */
export function isBusy(cause: unknown): boolean {
  // The low byte is the primary code; SQLITE_BUSY_SNAPSHOT and _RECOVERY carry it too.
  return isSqliteError(cause) && (cause.errcode & 0xff) === SQLITE_BUSY
}

/** Whether there is no space left: on the disk, or within the size that SQLite may give the file. */
export function isFull(cause: unknown): boolean {
  return isSqliteError(cause) && ((cause.errcode & 0xff) === SQLITE_FULL || cause.errcode === SQLITE_IOERR_SHMSIZE)
}

/** The fault for the caller: a full disk, a lost file and a closed database mean that the store is not available. */
export function asFault(cause: unknown): unknown {
  if (isSqliteError(cause))
    return new StoreUnavailable({ detail: `SQLite: ${cause.message} (${cause.errcode})`, cause })
  if (isClosed(cause)) return new StoreUnavailable({ detail: 'the store is closed', cause })
  return cause
}

function isSqliteError(cause: unknown): cause is Error & { errcode: number } {
  return cause instanceof Error && 'errcode' in cause && typeof cause.errcode === 'number'
}

function isClosed(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ERR_INVALID_STATE'
}
