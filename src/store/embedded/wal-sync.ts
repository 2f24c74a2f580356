/**
 * Syncs committed writes to the disk.
 *
 * SQLite itself syncs only when it moves the write-ahead log into the database (`synchronous=NORMAL`): a commit
 * survives the end of the process, but not a power cut. SQLite's own sync of each commit stops the event loop for as
 * long as the disk takes. So the log is synced here, in the thread pool, and callers are answered after it. Calls
 * during a sync share the next one.
 */

import { closeSync, fdatasync, openSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'

import { StoreUnavailable } from '../../faults/store.ts'

/** Writes what the system holds of a file to the disk. Rejects when the disk does not take it. */
export type SyncFile = (fd: number) => Promise<void>

export const syncFile: SyncFile = promisify(fdatasync)

// As long as a command may take (see RedisStore).
const PATIENCE_MS = 2000

export class WalSync {
  readonly #fd: number
  readonly #database: DatabaseSync
  readonly #syncFile: SyncFile
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  #isStuck = false
  #isInDoubt = false

  /** The log exists while a connection is open, and is the same file until the last of all processes has closed it. */
  constructor(database: DatabaseSync, sync: SyncFile) {
    this.#fd = openSync(`${database.location()}-wal`, 'r+')
    this.#database = database
    this.#syncFile = sync
  }

  /** Resolves when everything that was committed before this call is on the disk. Throws `StoreUnavailable`. */
  async settle(): Promise<void> {
    this.assertSound()
    if (this.#running === undefined) return this.#start()
    this.#next ??= this.#running.then(this.#startNext, this.#startNext)
    return this.#next
  }

  /** Outside of transactions. Throws `StoreUnavailable`, or what SQLite throws. */
  assertSound(): void {
    if (this.#isStuck) throw stuck()
    if (!this.#isInDoubt) return
    // After a failed sync the system takes pages as written that may not be on the disk, and what follows them in the
    // log is lost with them. So the log is moved into the database, which SQLite syncs, and starts again.
    const { busy } = this.#database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number }
    if (busy !== 0) throw new StoreUnavailable({ detail: 'a failed sync of the log cannot be made good: it is in use' })
    this.#isInDoubt = false
  }

  close(): void {
    closeSync(this.#fd)
  }

  readonly #startNext = (): Promise<void> => {
    this.#next = undefined
    return this.settle()
  }

  #start(): Promise<void> {
    const syncing = this.#syncFile(this.#fd)
    this.#running = new Promise((resolve, reject) => {
      const patience = setTimeout(() => {
        this.#isStuck = true
        reject(stuck())
      }, PATIENCE_MS)
      const end = (settled: () => void) => {
        clearTimeout(patience)
        this.#isStuck = false
        this.#running = undefined
        settled()
      }
      syncing.then(
        () => end(resolve),
        (cause: Error) => {
          this.#isInDoubt = true
          end(() => reject(new StoreUnavailable({ detail: `the log cannot be synced: ${cause.message}`, cause })))
        },
      )
    })
    return this.#running
  }
}

function stuck(): StoreUnavailable {
  return new StoreUnavailable({ detail: `the disk did not sync within ${PATIENCE_MS} ms` })
}
