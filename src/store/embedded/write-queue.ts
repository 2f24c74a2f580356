/**
 * Writes of one turn of the event loop, committed together.
 *
 * A commit costs far more than a statement, and only one process may write at a time. So the writes of a turn become
 * one transaction and run in their order. The caller of a deciding write is answered when the write is on the disk (see
 * WalSync), even if it changed nothing, because the result may depend on a write of another process that is not synced
 * yet. While a sync runs, writes gather for the next transaction. Waiting for another process's transaction happens
 * here, between turns, and never inside SQLite.
 */

import type { DatabaseSync, StatementSync } from 'node:sqlite'

import { asFault, isBusy, isFull } from './database.ts'
import { prepareWrite } from './statements.ts'
import type { WalSync } from './wal-sync.ts'

// Transactions take well under a millisecond, so a process that holds the lock for longer has stopped. Timed and not
// counted: on a busy machine a thousand tries took more than three seconds.
const LOCK_PATIENCE_MS = 1500
const IMPATIENT_TRIES = 20
const LOCK_RETRY_MS = 2

// Bounds how long one transaction holds the lock and the event loop.
const BATCH = 128

interface Write {
  readonly step: () => unknown
  readonly decides: boolean
  readonly resolve: (result: never) => void
  readonly reject: (cause: unknown) => void
}

export class WriteQueue {
  readonly #begin: StatementSync
  readonly #commit: StatementSync
  readonly #rollback: StatementSync
  readonly #wal: WalSync
  readonly #makeRoom: () => void
  #waiting: Write[] = []
  #syncs = 0
  #scheduled = false
  #tries = 0
  #patience: NodeJS.Timeout | undefined
  #impatient = false

  /** `makeRoom` is asked when there is no space; then the transaction is tried once more. */
  constructor(database: DatabaseSync, wal: WalSync, makeRoom: () => void) {
    this.#wal = wal
    this.#makeRoom = makeRoom
    this.#begin = prepareWrite(database, 'BEGIN IMMEDIATE')
    this.#commit = prepareWrite(database, 'COMMIT')
    this.#rollback = prepareWrite(database, 'ROLLBACK')
  }

  /** Runs `step` in the next transaction; its result once that is on the disk. A step that throws fails alone. */
  run<T>(step: () => T): Promise<T> {
    return this.#add(step, true)
  }

  /** Runs `step` in the next transaction; its result once that is committed, which a power cut may undo. */
  runLightly<T>(step: () => T): Promise<T> {
    return this.#add(step, false)
  }

  #add<T>(step: () => T, decides: boolean): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ step, decides, resolve, reject })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled || (this.#syncs > 0 && this.#waiting.length < BATCH)) return
    this.#scheduled = true
    setImmediate(this.#flush)
  }

  readonly #flush = (): void => {
    this.#scheduled = false
    const batch = this.#waiting.splice(0, BATCH)
    try {
      this.#wal.assertSound()
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

  /** Runs the steps in the open transaction. False: nothing was done, and no caller was answered. */
  #finish(batch: readonly Write[], isAgain = false): boolean {
    const results: unknown[] = []
    try {
      for (const write of batch) results.push(write.step())
      this.#commit.run()
    } catch (cause) {
      this.#undo()
      if (isFull(cause) && !isAgain) return this.#finishInRoom(batch)
      if (batch.length > 1) return false
      batch[0]?.reject(asFault(cause))
      return true
    }
    const answer = (write: Write, i: number) => write.resolve(results[i] as never)
    if (batch.some(({ decides }) => decides)) void this.#answerWhenSynced(batch, answer)
    batch.forEach((write, i) => {
      if (!write.decides) answer(write, i)
    })
    return true
  }

  #finishInRoom(batch: readonly Write[]): boolean {
    this.#makeRoom()
    try {
      this.#begin.run()
    } catch {
      return false
    }
    return this.#finish(batch, true)
  }

  async #answerWhenSynced(batch: readonly Write[], answer: (write: Write, i: number) => void): Promise<void> {
    this.#syncs += 1
    try {
      await this.#wal.settle()
      batch.forEach(answer)
    } catch (cause) {
      for (const write of batch) write.reject(asFault(cause))
    }
    this.#syncs -= 1
    if (this.#waiting.length > 0) this.#schedule()
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
