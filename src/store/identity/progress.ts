/**
 * Whether the store moves forward: the recent progress marks that were acknowledged to this server, and when.
 *
 * A crash of the store may lose its last writes (`Store.lapseMs`). A store that is further behind was set back to an
 * earlier state.
 */

const KEPT_MS = 10_000

export type Progress = 'forward' | 'lapse' | 'set_back'

interface Seen {
  readonly mark: number
  readonly atMs: number
}

export class ProgressMarks {
  readonly #lapseMs: number
  #seen: readonly Seen[] = []

  constructor(lapseMs: number) {
    this.#lapseMs = lapseMs
  }

  /** The highest mark that the store has acknowledged. */
  get highest(): number {
    return this.#seen.at(-1)?.mark ?? 0
  }

  /** The highest mark that no crash of the store can lose; 0 while there is none. */
  get certain(): number {
    const last = this.#seen.at(-1)
    if (last === undefined) return 0
    return this.#seen.findLast(({ atMs }) => last.atMs - atMs >= this.#lapseMs)?.mark ?? 0
  }

  judge(mark: number): Progress {
    const last = this.#seen.at(-1)
    if (last === undefined || mark >= last.mark) return 'forward'
    const kept = this.#seen.findLast((seen) => seen.mark <= mark)
    return kept !== undefined && last.atMs - kept.atMs <= this.#lapseMs && this.#lapseMs > 0 ? 'lapse' : 'set_back'
  }

  /** The store has acknowledged this mark. A mark that is lower than the last starts the list again. */
  note(mark: number, nowMs: number): void {
    const before = this.#seen.filter((seen) => seen.mark < mark && nowMs - seen.atMs <= KEPT_MS)
    this.#seen = [...before, { mark, atMs: nowMs }]
  }
}
