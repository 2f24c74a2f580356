/**
 * Whether this node's clock is right, compared with the other nodes and Redis.
 *
 * Every node measures by how much its clock differs from that of Redis, and stores the difference there for the others.
 * A clock that differs from the majority is wrong; it may be the clock of Redis.
 */

import type { Clock } from '../../../base/clock.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { scripts } from '../scripts.ts'

/** Differences up to this are invisible (fault matrix R8 asks for 15 s, and that 60 s are refused). */
export const CLOCK_TOLERANCE_MS = 30_000
// A node that has not spoken for so long says nothing about clocks any more.
const COUNTS_FOR_MS = 5000
// Beyond it the time of Redis, when it was read, is too uncertain.
const SLOWEST_ANSWER_MS = 5000
/** So many nodes can decide among themselves; fewer take Redis for another one. */
const QUORUM = 3

export interface ClockVerdict {
  /** By how much this node's clock differs from the majority's, in ms, when that is too much. */
  readonly own?: number
  /** By how much the clock of Redis differs from the majority's, in ms, when that is too much. */
  readonly redis?: number
}

export interface ClockComparisonOptions {
  readonly connection: RedisConnection
  readonly prefix: string
  readonly node: string
  readonly clock: Clock
  readonly monotonic: Clock
}

export class ClockComparison {
  readonly #options: ClockComparisonOptions
  #measured: { readonly run: string; readonly difference: number } | undefined
  #verdict: ClockVerdict = {}
  #suspicion: ClockVerdict | undefined

  constructor(options: ClockComparisonOptions) {
    this.#options = options
  }

  get problem(): string | undefined {
    const { own } = this.#verdict
    if (own === undefined) return undefined
    return `The clock of this server is ${described(own)} the other servers' (at most ${CLOCK_TOLERANCE_MS / 1000} s are tolerated): set it right, by NTP for example.`
  }

  /** By how much this node's clock is ahead of the majority's, where that is too much. */
  get aheadMs(): number | undefined {
    return this.#verdict.own
  }

  /** What does not stop the server. */
  get advice(): string | undefined {
    const { redis } = this.#verdict
    return redis === undefined
      ? undefined
      : `The clock of Redis is ${described(redis)} the servers': set it right, by NTP for example.`
  }

  async compare(): Promise<void> {
    const { connection, prefix, node, clock, monotonic } = this.#options
    const [sentMs, startedMs] = [clock(), monotonic()]
    const args = [node, this.#measured?.difference ?? '', this.#measured?.run ?? '', COUNTS_FOR_MS]
    const reply = await connection.run(scripts.compareClocks, [`${prefix}clocks:{ck}:all`], args, 'plain')
    const [run, redisMs, ...told] = reply as [string, string, ...string[]]
    const tookMs = monotonic() - startedMs
    if (tookMs > SLOWEST_ANSWER_MS) return
    const difference = Math.round(sentMs + tookMs / 2 - Number(redisMs))
    this.#measured = { run, difference }
    const others = pairs(told).flatMap(([name, theirs]) => (name === node ? [] : [Number(theirs)]))
    this.#settle(judgeClocks(difference, others))
  }

  /** When all clocks are stepped at once, nodes notice one after the other: only what is so twice in a row counts. */
  #settle(found: ClockVerdict): void {
    const isNew = found.own !== undefined && this.#verdict.own === undefined
    if (!isNew || this.#suspicion === undefined || this.#suspicion.own !== undefined) this.#verdict = found
    this.#suspicion = found
  }
}

/** All by how much they are ahead of Redis, in ms. */
export function judgeClocks(own: number, others: readonly number[]): ClockVerdict {
  const nodes = [own, ...others]
  const voters = (nodes.length >= QUORUM ? nodes : [...nodes, 0]).sort((a, b) => a - b)
  const median = voters[Math.floor((voters.length - 1) / 2)] as number
  const agreeing = voters.filter((voter) => isNear(voter, median))
  if (agreeing.length * 2 <= voters.length) return {}
  return {
    ...(!isNear(own, median) && { own: own - median }),
    ...(!isNear(0, median) && { redis: -median }),
  }
}

function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= CLOCK_TOLERANCE_MS
}

function pairs(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] as string, flat[2 * i + 1] as string])
}

function described(ms: number): string {
  return `${Math.abs(Math.round(ms / 1000))} s ${ms > 0 ? 'ahead of' : 'behind'}`
}
