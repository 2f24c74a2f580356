/**
 * What the embedded store does unasked: it sweeps what has expired, and keeps watch over its own troubles.
 *
 * Sweeping goes batch by batch, so that neither the lock nor the event loop is held for long: a batch with every so many
 * writes, and every second as many as there are. After trouble it writes every second, to find out whether it is over.
 */

import type { Clock } from '../base/clock.ts'
import { StoreUnavailable } from '../base/faults.ts'
import { asFault } from './embedded-database.ts'
import type { Statements } from './embedded-statements.ts'
import type { StoreStatus } from './store.ts'
import type { WriteQueue } from './write-queue.ts'

const TICK_MS = 1000
// A batch of this size takes about a millisecond; with one per `WRITES_PER_SWEEP` writes, more is deleted than stored.
const SWEEP_ROWS = 200n
const WRITES_PER_SWEEP = 100

export class EmbeddedUpkeep {
  readonly #sql: Statements
  readonly #writes: WriteQueue
  readonly #clock: Clock
  readonly #monotonic: Clock
  #ticker: NodeJS.Timeout | undefined
  #writesUntilSweep = WRITES_PER_SWEEP
  #trouble: { readonly problem: string; readonly sinceMs: number } | undefined

  constructor(sql: Statements, writes: WriteQueue, clock: Clock, monotonic: Clock) {
    this.#sql = sql
    this.#writes = writes
    this.#clock = clock
    this.#monotonic = monotonic
    this.#ticker = this.#tickLater()
  }

  status(): StoreStatus {
    if (this.#trouble === undefined) return { ready: true, hasRoom: true, silentMs: 0 }
    const { problem, sinceMs } = this.#trouble
    return { ready: false, hasRoom: true, problem, silentMs: this.#monotonic() - sinceMs }
  }

  countWrite(): void {
    this.#writesUntilSweep -= 1
    if (this.#writesUntilSweep === 0) void this.#sweep()
  }

  /** Gives `cause` back, to be thrown. */
  noteTrouble(cause: unknown): unknown {
    if (cause instanceof StoreUnavailable) {
      const problem = `The store file cannot be used (${cause.detail}): check the disk and the rights of DATA_DIR.`
      this.#trouble ??= { problem, sinceMs: this.#monotonic() }
    }
    return cause
  }

  close(): void {
    clearTimeout(this.#ticker)
    this.#ticker = undefined
  }

  #tickLater(): NodeJS.Timeout {
    return setTimeout(() => void this.#tick(), TICK_MS).unref()
  }

  async #tick(): Promise<void> {
    let isMoreLikely: boolean
    do isMoreLikely = await this.#sweep()
    while (isMoreLikely)
    if (this.#trouble !== undefined) await this.#probe()
    if (this.#ticker !== undefined) this.#ticker = this.#tickLater()
  }

  async #sweep(): Promise<boolean> {
    this.#writesUntilSweep = WRITES_PER_SWEEP
    try {
      const now = this.#clock()
      if (this.#sql.expired.get(now) === undefined) return false
      return await this.#writes.run(() =>
        this.#sql.sweeps.map((sweep) => sweep.run(now, SWEEP_ROWS).changes).includes(SWEEP_ROWS),
      )
    } catch (cause) {
      this.noteTrouble(asFault(cause))
      return false
    }
  }

  async #probe(): Promise<void> {
    try {
      await this.#writes.run(() => this.#sql.probe.run(this.#clock()))
      this.#trouble = undefined
    } catch {
      // Still in trouble.
    }
  }
}
