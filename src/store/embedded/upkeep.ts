/**
 * The background work of the embedded store: it sweeps expired rows, and checks its own health.
 *
 * Sweeping runs in batches, so that neither the lock nor the event loop is held for long: one batch with every so many
 * writes, and every second as many as there are. Every second it also writes as a request would, and waits until the
 * write is on the disk. That alone decides whether the store is ready. It also checks the free space.
 */

import type { Clock } from '../../base/clock.ts'
import { StoreUnavailable } from '../../faults/store.ts'
import type { DiskRoom } from './disk-room.ts'
import { asFault, isFull } from './database.ts'
import type { Statements } from './statements.ts'
import type { StoreStatus } from '../store.ts'
import type { WriteQueue } from './write-queue.ts'

const TICK_MS = 1000
// A batch of this size takes about a millisecond; with one per `WRITES_PER_SWEEP` writes, more is deleted than stored.
const SWEEP_ROWS = 200n
const WRITES_PER_SWEEP = 100
// The part of the file that may stay unused, for later writes: 4 MB, or a quarter.
const UNUSED_PAGES = 1024
const UNUSED_PART = 1 / 4
// With 128 pages each, up to 8 MB a second.
const STEPS_PER_TICK = 16

type Pages = Readonly<Record<'used' | 'free' | 'most' | 'bytes' | 'shrinks', number>>

export interface UpkeepParts {
  readonly sql: Statements
  readonly writes: WriteQueue
  readonly room: DiskRoom
  readonly checkpointAfter: (pages: number) => void
  readonly clock: Clock
  readonly monotonic: Clock
}

export class EmbeddedUpkeep {
  readonly #sql: Statements
  readonly #writes: WriteQueue
  readonly #room: DiskRoom
  readonly #checkpointAfter: (pages: number) => void
  readonly #clock: Clock
  readonly #monotonic: Clock
  #ticker: NodeJS.Timeout | undefined
  #writesUntilSweep = WRITES_PER_SWEEP
  #working: Promise<void>
  #trouble: string | undefined
  #writtenAtMs: number
  #checkpointPages: number | undefined

  constructor({ sql, writes, room, checkpointAfter, clock, monotonic }: UpkeepParts) {
    this.#sql = sql
    this.#writes = writes
    this.#room = room
    this.#checkpointAfter = checkpointAfter
    this.#clock = clock
    this.#monotonic = monotonic
    this.#writtenAtMs = monotonic()
    this.#ticker = this.#tickLater()
    this.#working = this.#lookForRoom()
  }

  status(): StoreStatus {
    const silentMs = this.#monotonic() - this.#writtenAtMs
    if (this.#trouble !== undefined) return { ready: false, hasRoom: true, problem: this.#trouble, silentMs }
    const { problem } = this.#room
    return problem === undefined
      ? { ready: true, hasRoom: true, silentMs }
      : { ready: true, hasRoom: false, problem, silentMs }
  }

  /** Called after a caller's write: it shows that the store can be written, and pays for sweeping. */
  async watch<T>(writing: Promise<T>): Promise<T> {
    this.#writesUntilSweep -= 1
    if (this.#writesUntilSweep === 0) void this.#sweep()
    try {
      const result = await writing
      this.#writtenAtMs = this.#monotonic()
      return result
    } catch (cause) {
      throw this.noteTrouble(cause)
    }
  }

  /** Gives `cause` back, to be thrown. A full disk is for the probe to judge: endings may still be possible. */
  noteTrouble(cause: unknown): unknown {
    if (cause instanceof StoreUnavailable && !isFull(cause.cause)) this.#setTrouble(cause)
    return cause
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    clearTimeout(this.#ticker)
    this.#ticker = undefined
    await this.#working
  }

  #setTrouble({ detail }: StoreUnavailable): void {
    this.#trouble ??= `The store file cannot be used (${detail}): check the disk and the rights of DATA_DIR.`
  }

  #tickLater(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#working = this.#tick()
    }, TICK_MS).unref()
  }

  async #tick(): Promise<void> {
    let isMoreLikely: boolean
    do isMoreLikely = await this.#sweep()
    while (isMoreLikely)
    await this.#probe()
    await this.#shrink()
    await this.#lookForRoom()
    await this.#room.keepReserve()
    if (this.#ticker !== undefined) this.#ticker = this.#tickLater()
  }

  async #sweep(): Promise<boolean> {
    this.#writesUntilSweep = WRITES_PER_SWEEP
    try {
      const now = this.#clock()
      if (this.#sql.expired.get(now) === undefined) return false
      return await this.#writes.runLightly(() =>
        this.#sql.sweeps.map((sweep) => sweep.run(now, SWEEP_ROWS).changes).includes(SWEEP_ROWS),
      )
    } catch (cause) {
      this.noteTrouble(asFault(cause))
      return false
    }
  }

  /** Gives unused pages at the end of the file back to the disk, a few at a time. */
  async #shrink(): Promise<void> {
    try {
      let steps = 0
      for (; steps < STEPS_PER_TICK && this.#hasPagesToGive(); steps++) {
        await this.#writes.runLightly(() => this.#sql.giveBack.all())
      }
      // The file itself becomes shorter when the log is moved into it.
      if (steps > 0) this.#sql.checkpoint.get()
    } catch (cause) {
      this.noteTrouble(asFault(cause))
    }
  }

  #hasPagesToGive(): boolean {
    const { used, free, shrinks } = this.#pages()
    return shrinks !== 0 && free > Math.max(UNUSED_PAGES, used * UNUSED_PART)
  }

  #pages(): Pages {
    return this.#sql.pages.get() as unknown as Pages
  }

  async #probe(): Promise<void> {
    try {
      await this.#writes.run(() => this.#sql.probe.run())
      this.#trouble = undefined
      this.#writtenAtMs = this.#monotonic()
    } catch (cause) {
      if (cause instanceof StoreUnavailable) this.#setTrouble(cause)
    }
  }

  #setCheckpoints(pages: number): void {
    if (pages === this.#checkpointPages) return
    this.#checkpointPages = pages
    this.#checkpointAfter(pages)
  }

  async #lookForRoom(): Promise<void> {
    try {
      const { used, free, most, bytes } = this.#pages()
      await this.#room.look((most - used + free) * bytes)
      this.#setCheckpoints(Math.floor(this.#room.logBytes / bytes))
    } catch {
      // What cannot be looked at is not ready either, which the probe says.
    }
  }
}
