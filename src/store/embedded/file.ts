/**
 * Whether the file that is open is still the file at its path.
 *
 * A deleted or replaced file stays usable for the process that has it open, and for no other: both would be right on their
 * own. The WAL is looked at too, because it holds what was written last.
 */

import { statSync } from 'node:fs'

import type { Clock } from '../../base/clock.ts'
import type { StoreStatus } from '../store.ts'

// A look takes a few microseconds, and is taken with a request.
const LOOK_AGAIN_MS = 100
const UNKNOWN = 'unknown'

export class OpenFile {
  readonly #opened: ReadonlyMap<string, string | undefined>
  readonly #monotonic: Clock
  #isInPlace = true
  #lookedMs = Number.NEGATIVE_INFINITY

  /** To be made when the database is open, so that its WAL is there. */
  constructor(file: string, monotonic: Clock) {
    this.#opened = new Map([file, `${file}-wal`].map((path) => [path, numberOf(path)]))
    this.#monotonic = monotonic
  }

  /** Looks now. A file that was once not in its place does not come back. */
  isInPlace(): boolean {
    this.#lookedMs = Number.NEGATIVE_INFINITY
    return this.problem() === undefined
  }

  /** The status to give in place of the database's own; `undefined` while the file is in place. */
  problem(): StoreStatus | undefined {
    this.#look()
    if (this.#isInPlace) return undefined
    const problem = 'The store file was deleted or replaced while it was open: this server does not use it any more.'
    return { ready: false, hasRoom: false, problem, silentMs: Number.POSITIVE_INFINITY, lost: true }
  }

  #look(): void {
    const now = this.#monotonic()
    if (!this.#isInPlace || now - this.#lookedMs < LOOK_AGAIN_MS) return
    this.#lookedMs = now
    this.#isInPlace = [...this.#opened].every(([path, number]) => [number, UNKNOWN].includes(numberOf(path)))
  }
}

/** The identity of the file, which differs for another file at the same path; `undefined` when there is none. */
function numberOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true })
    return `${dev}:${ino}`
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    // A disk that does not answer says nothing of the file; the store says that it cannot be used.
    return UNKNOWN
  }
}
