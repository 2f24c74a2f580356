/**
 * Whether the store moves forward: the progress marks that this server saw acknowledged lately, and when.
 *
 * A crash of a single Redis may lose its last second or two (`appendfsync everysec`). A store that is further behind was
 * set back to an earlier state.
 */

// A second or two that Redis may lose, and one between two marks.
const LAPSE_MS = 3000
const KEPT_MS = 10_000

export type Progress = 'forward' | 'lapse' | 'set_back'

interface Seen {
  readonly mark: number
  readonly atMs: number
}

export class ProgressMarks {
  #seen: readonly Seen[] = []

  /** The highest mark that the store has acknowledged. */
  get highest(): number {
    return this.#seen.at(-1)?.mark ?? 0
  }

  judge(mark: number): Progress {
    const last = this.#seen.at(-1)
    if (last === undefined || mark >= last.mark) return 'forward'
    const kept = this.#seen.findLast((seen) => seen.mark <= mark)
    return kept !== undefined && last.atMs - kept.atMs <= LAPSE_MS ? 'lapse' : 'set_back'
  }

  /** The store has acknowledged this mark. One that is lower than the last begins anew. */
  note(mark: number, nowMs: number): void {
    const before = this.#seen.filter((seen) => seen.mark < mark && nowMs - seen.atMs <= KEPT_MS)
    this.#seen = [...before, { mark, atMs: nowMs }]
  }
}
