/**
 * Whether Redis may be used: it answers, and it keeps what it was given.
 *
 * Every second each primary is asked for a sign of life. On connecting, and every ten seconds, each is asked what it
 * does when its memory is full: a server that evicts would forget which codes were used and which tokens revoked. As
 * long as one does, it is asked every second.
 */

import type { Redis } from 'ioredis'

import type { Clock } from '../base/clock.ts'
import type { RedisConnection } from './redis-connection.ts'
import { reasonOf } from './redis-faults.ts'
import type { StoreStatus } from './store.ts'

const BEAT_MS = 1000
const BEATS_PER_POLICY_CHECK = 10
const SAFE_POLICY = 'noeviction'

export class RedisHealth {
  readonly #connection: RedisConnection
  readonly #monotonic: Clock
  readonly #timer: NodeJS.Timeout
  #beats = 0
  #beating: Promise<void> | undefined
  #isAnswering = false
  #policyProblem: string | undefined = 'It is not known yet whether Redis evicts: wait a second.'
  #lastContactMs = Number.NEGATIVE_INFINITY

  constructor(connection: RedisConnection, monotonic: Clock) {
    this.#connection = connection
    this.#monotonic = monotonic
    this.#timer = setInterval(() => void this.beat(), BEAT_MS).unref()
    connection.onReady(() => {
      this.#beats = 0
      void this.beat()
    })
  }

  status(): StoreStatus {
    const problem = this.#problem()
    const silentMs = this.#monotonic() - this.#lastContactMs
    return problem === undefined
      ? { ready: true, hasRoom: true, silentMs }
      : { ready: false, hasRoom: true, problem, silentMs }
  }

  /** Asks now, unless it is asking already. */
  beat(): Promise<void> {
    this.#beating ??= this.#beat().finally(() => {
      this.#beating = undefined
    })
    return this.#beating
  }

  close(): void {
    clearInterval(this.#timer)
    this.#isAnswering = false
  }

  #problem(): string | undefined {
    if (this.#connection.isReady && this.#isAnswering) return this.#policyProblem
    return `Redis does not answer (${this.#connection.lastReason}): start it, or correct REDIS_URL.`
  }

  async #beat(): Promise<void> {
    try {
      if (!this.#connection.isReady) throw new Error(this.#connection.lastReason)
      const primaries = this.#connection.primaries()
      await Promise.all(primaries.map((primary) => this.#hear(primary)))
      const isDue = this.#beats % BEATS_PER_POLICY_CHECK === 0 || this.#policyProblem !== undefined
      if (isDue) await this.#checkPolicies(primaries)
      this.#beats += 1
      this.#isAnswering = true
      this.#lastContactMs = this.#monotonic()
    } catch (cause) {
      this.#isAnswering = false
      this.#beats = 0
      this.#connection.noteReason(cause)
    }
  }

  async #hear(primary: Redis): Promise<void> {
    if (!this.#connection.isCluster) {
      await primary.ping()
      return
    }
    // Says besides whether every slot is served: a primary that is gone is not among those asked.
    const state = String(await primary.cluster('INFO'))
    if (!state.includes('cluster_state:ok')) throw new Error('the Cluster does not serve all of its slots')
  }

  async #checkPolicies(primaries: readonly Redis[]): Promise<void> {
    const policies = await Promise.all(primaries.map(evictionPolicy))
    const unsafe = policies.find((policy) => policy !== SAFE_POLICY)
    this.#policyProblem =
      unsafe === undefined
        ? undefined
        : `Redis runs with maxmemory-policy ${unsafe}, under which it may forget used codes and revoked tokens: set maxmemory-policy ${SAFE_POLICY}.`
  }
}

/** The policy's name. Where CONFIG is forbidden, as with many hosted servers, INFO tells it too. */
async function evictionPolicy(primary: Redis): Promise<string> {
  try {
    const answer = (await primary.config('GET', 'maxmemory-policy')) as string[]
    if (answer[1] !== undefined) return answer[1]
  } catch (cause) {
    if (!/^(NOPERM|ERR)/.test(reasonOf(cause))) throw cause
  }
  return /maxmemory_policy:(\S+)/.exec(await primary.info('memory'))?.[1] ?? 'unknown'
}
