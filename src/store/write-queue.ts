/**
 * Writes of one turn of the event loop, committed together.
 *
 * A commit costs far more than a statement, and only one process may write at a time. So the writes that arrive in a
 * turn become one transaction, run in the order they came; each caller hears of its own only after the commit. Waiting
 * for another process's transaction happens here, between turns, and never inside SQLite.
 */

import type { DatabaseSync, StatementSync } from 'node:sqlite'

import { asFault, isBusy } from './embedded-database.ts'
import { prepareWrite } from './embedded-statements.ts'

// Transactions last well under a millisecond, so whoever holds the lock for longer has stopped. Timed and not counted:
// on a busy machine a thousand tries took more than three seconds.
const LOCK_PATIENCE_MS = 1500
const IMPATIENT_TRIES = 20
const LOCK_RETRY_MS = 2

// Bounds how long one transaction holds the lock and the event loop.
const BATCH = 128

interface Write {
  readonly step: () => unknown
  readonly resolve: (result: never) => void
  readonly reject: (cause: unknown) => void
}

export class WriteQueue {
  readonly #begin: StatementSync
  readonly #commit: StatementSync
  readonly #rollback: StatementSync
  #waiting: Write[] = []
  #scheduled = false
  #tries = 0
  #patience: NodeJS.Timeout | undefined
  #impatient = false

  constructor(database: DatabaseSync) {
    this.#begin = prepareWrite(database, 'BEGIN IMMEDIATE')
    this.#commit = prepareWrite(database, 'COMMIT')
    this.#rollback = prepareWrite(database, 'ROLLBACK')
  }

  /** Runs `step` in the next transaction; its result once that is committed. A step that throws fails alone. */
  run<T>(step: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ step, resolve, reject })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#flush)
  }

  readonly #flush = (): void => {
    this.#scheduled = false
    const batch = this.#waiting.splice(0, BATCH)
    try {
      this.#begin.run()
    } catch (cause) {
      this.#tryAgain(batch, cause)
      return
    }
    this.#endWait()
    if (!this.#finish(batch)) this.#runOneByOne(batch)
    if (this.#waiting.length > 0) this.#schedule()
  }

  #tryAgain(batch: Write[], cause: unknown): void {
    this.#tries += 1
    this.#patience ??= setTimeout(() => {
      this.#impatient = true
    }, LOCK_PATIENCE_MS)
    if (!isBusy(cause) || this.#impatient) {
      this.#endWait()
      for (const write of batch) write.reject(asFault(cause))
      if (this.#waiting.length > 0) this.#schedule()
      return
    }
    this.#waiting = batch.concat(this.#waiting)
    this.#scheduled = true
    if (this.#tries < IMPATIENT_TRIES) setImmediate(this.#flush)
    else setTimeout(this.#flush, LOCK_RETRY_MS)
  }

  #endWait(): void {
    clearTimeout(this.#patience)
    this.#patience = undefined
    this.#impatient = false
    this.#tries = 0
  }

  /** Runs the steps in the open transaction. False: nothing was done, and nobody has been told. */
  #finish(batch: readonly Write[]): boolean {
    const results: unknown[] = []
    try {
      for (const write of batch) results.push(write.step())
      this.#commit.run()
    } catch (cause) {
      this.#undo()
      if (batch.length > 1) return false
      batch[0]?.reject(asFault(cause))
      return true
    }
    batch.forEach((write, i) => {
      write.resolve(results[i] as never)
    })
    return true
  }

  /** SQLite has already rolled back after some errors, such as a full disk. */
  #undo(): void {
    try {
      this.#rollback.run()
    } catch {
      // Nothing to roll back.
    }
  }

  #runOneByOne(batch: readonly Write[]): void {
    for (const write of batch) {
      try {
        this.#begin.run()
        this.#finish([write])
      } catch (cause) {
        write.reject(asFault(cause))
      }
    }
  }
}
