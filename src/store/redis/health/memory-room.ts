/**
 * Whether Redis has memory for more than endings.
 *
 * Below a mark nothing new is issued, so that revocations find room however long the memory stays full.
 */

import type { Info } from './info.ts'

const MIB = 2 ** 20
const SHARE = 0.1
// A tenth of a small memory would fill in a second of load; of a very small one this would be nearly all.
const LEAST_BYTES = 4 * MIB
const LARGEST_SHARE = 0.25
/** There is room again only with so much more than the mark, so that the answer does not flicker. */
const HYSTERESIS = 1.25

export class Room {
  readonly #full = new Map<string, string>()

  /** Notes what a primary says of its memory. */
  note(primary: string, info: Info): void {
    const limit = info.number('maxmemory')
    if (limit === 0) {
      this.#full.delete(primary)
      return
    }
    const free = limit - info.number('used_memory') + info.number('mem_not_counted_for_evict')
    const mark = Math.max(limit * SHARE, Math.min(LEAST_BYTES, limit * LARGEST_SHARE))
    if (free < mark) this.#full.set(primary, `${mebibytes(free)} of ${mebibytes(limit)} MiB are free at ${primary}`)
    else if (free >= mark * HYSTERESIS) this.#full.delete(primary)
  }

  /** A primary has refused a write for want of memory. */
  noteRefusal(primary: string): void {
    this.#full.set(primary, `${primary} has reached maxmemory`)
  }

  /** One sentence; `undefined` while there is room everywhere. */
  get problem(): string | undefined {
    const [state] = this.#full.values()
    if (state === undefined) return undefined
    return `Redis is nearly full (${state}): nothing new is issued; revocation still works. Raise maxmemory, or wait until entries expire.`
  }
}

function mebibytes(bytes: number): string {
  return (Math.max(0, bytes) / MIB).toFixed(1)
}
