/**
 * Whether Redis may be used: it takes writes, the required replicas confirm them, and it does not evict data.
 *
 * Four times a second each primary gets a small write. Once a second every verb is tried, the clocks are compared, and
 * each primary is asked for its eviction policy: a server that evicts would lose which codes were used and which tokens
 * were revoked.
 */

import type { Clock } from '../../../base/clock.ts'
import type { ClockComparison } from './clocks.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { reasonOf, sentenceFor } from '../connection/faults.ts'
import type { Info } from './info.ts'
import type { RedisLink } from '../connection/link.ts'
import { type Probed, probe } from './probe.ts'
import { persistenceAdvice } from './persistence.ts'
import { Room } from './memory-room.ts'
import { scripts } from '../scripts.ts'
import type { StoreStatus } from '../../store.ts'

const BEAT_MS = 250
const BEATS_PER_EXAMINATION = 4
// After so many looks without an answer Redis is silent. Looks are counted rather than time, which also passes while this
// process is held up.
const MOST_UNANSWERED = 4
const SAFE_POLICY = 'noeviction'

export interface HealthOptions {
  readonly connection: RedisConnection
  readonly clocks: ClockComparison
  readonly store: Probed
  readonly monotonic: Clock
  readonly prefix: string
  /** Distinguishes the keys of this node from those of others. */
  readonly node: string
}

export class RedisHealth {
  readonly #options: HealthOptions
  readonly #room = new Room()
  readonly #shards = new Map<string, string>()
  readonly #timer: NodeJS.Timeout
  #beats = 0
  #beating: Promise<void> | undefined
  #examining: Promise<void> | undefined
  #isAnswering = false
  #unanswered = 0
  #policyProblem: string | undefined = 'It is not known yet whether Redis evicts: wait a second.'
  #probeProblem: string | undefined
  #persistence: string | undefined
  #lastContactMs = Number.NEGATIVE_INFINITY

  constructor(options: HealthOptions) {
    this.#options = options
    this.#timer = setInterval(() => {
      this.#unanswered += 1
      void this.#beatOnce()
    }, BEAT_MS).unref()
    options.connection.onReady(() => {
      this.#beats = 0
      void this.beatAfresh()
    })
  }

  status(): StoreStatus {
    const silentMs = this.#options.monotonic() - this.#lastContactMs
    const problem = this.#problem()
    if (problem !== undefined) {
      const { aheadMs } = this.#options.clocks
      return { ready: false, hasRoom: true, problem, silentMs, ...(aheadMs !== undefined && { clockAheadMs: aheadMs }) }
    }
    const advice = this.#advice()
    const told = { silentMs, ...(advice.length > 0 && { advice }) }
    const shortage = this.#room.problem
    if (shortage !== undefined) return { ready: true, hasRoom: false, problem: shortage, ...told }
    return { ready: true, hasRoom: true, ...told }
  }

  /** Looks, beginning now: a look that is under way may have begun before what has changed. */
  async beatAfresh(): Promise<void> {
    await this.#beating
    await this.#beatOnce()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#isAnswering = false
  }

  #beatOnce(): Promise<void> {
    this.#beating ??= this.#beat().finally(() => {
      this.#beating = undefined
    })
    return this.#beating
  }

  #problem(): string | undefined {
    const { connection, clocks } = this.#options
    if (!connection.isReady || !this.#isAnswering) return sentenceFor(connection.lastReason)
    if (this.#unanswered >= MOST_UNANSWERED) return sentenceFor('no answer for a second')
    return this.#policyProblem ?? this.#probeProblem ?? clocks.problem
  }

  #advice(): string[] {
    const alone = this.#options.connection.links().filter(({ replicas }) => replicas.isAlone)
    const ofReplicas = alone.map(
      ({ name }) =>
        `Redis at ${name} has no replica left: what it acknowledges is lost if it fails too. Start the replicas.`,
    )
    return [this.#persistence, this.#options.clocks.advice, ...ofReplicas].filter((sentence) => sentence !== undefined)
  }

  async #beat(): Promise<void> {
    const { connection, monotonic } = this.#options
    try {
      // Primaries that can be reached serve their own keys, even while others cannot be reached.
      const outcomes = await Promise.allSettled(connection.links().map((link) => this.#beatOf(link)))
      const infos = outcomes.map((outcome) => {
        if (outcome.status === 'rejected') throw outcome.reason
        return outcome.value
      })
      this.#notePolicies(infos)
      if (!connection.isReady) throw new Error(connection.lastReason)
      this.#lastContactMs = monotonic()
      this.#unanswered = 0
      const isDue = this.#beats % BEATS_PER_EXAMINATION === 0 || this.#probeProblem !== undefined
      // The next beat does not wait for it; a caller of the first beat does.
      const examined = isDue ? this.#examineOnce() : undefined
      if (!this.#isAnswering) await examined
      this.#beats += 1
      this.#isAnswering = true
    } catch (cause) {
      this.#isAnswering = false
      this.#beats = 0
      connection.noteReason(cause)
    }
  }

  async #beatOf(link: RedisLink): Promise<Info> {
    const { connection, prefix, node } = this.#options
    try {
      if (!link.isReady) throw new Error(connection.lastReason)
      const written = link.run(scripts.beat, [`${prefix}beat:{${this.#shardOf(link)}}:${node}`], [], { durable: true })
      const asked = link.info('replication', 'memory').then((info) => this.#note(link, info))
      const [info] = await Promise.all([asked, written])
      connection.confirm(link, true)
      return info
    } catch (cause) {
      connection.confirm(link, false)
      throw cause
    }
  }

  #note(link: RedisLink, info: Info): Info {
    const { connection } = this.#options
    if (info.role !== 'master') throw new Error(`READONLY ${link.name} is a replica`)
    connection.noteReplicas(link, info.replicasInStep)
    const shortage = link.replicas.problem
    if (shortage !== undefined) throw new Error(shortage)
    this.#room.note(link.name, info)
    return info
  }

  #notePolicies(infos: readonly Info[]): void {
    const policies = infos.map((info) => info.field('maxmemory_policy') ?? 'unknown')
    const unsafe = policies.find((policy) => policy !== SAFE_POLICY)
    this.#policyProblem =
      unsafe === undefined
        ? undefined
        : `Redis runs with maxmemory-policy ${unsafe}, under which it may lose used codes and revoked tokens: set maxmemory-policy ${SAFE_POLICY}.`
  }

  #examineOnce(): Promise<void> {
    this.#examining ??= this.#examine().finally(() => {
      this.#examining = undefined
    })
    return this.#examining
  }

  async #examine(): Promise<void> {
    const { connection, clocks, store, node } = this.#options
    try {
      for (const link of connection.links()) {
        const outcome = await probe(store, this.#shardOf(link), node)
        if (outcome === 'endings only') this.#room.noteRefusal(link.name)
      }
      await clocks.compare()
      const [only, ...others] = connection.links()
      const isSingle = only !== undefined && others.length === 0 && !only.replicas.areAsked
      this.#persistence = isSingle ? await persistenceAdvice(only) : undefined
      this.#probeProblem = undefined
    } catch (cause) {
      this.#probeProblem = sentenceFor(reasonOf(cause))
    }
  }

  /** A shard whose keys the primary holds. */
  #shardOf(link: RedisLink): string {
    const { connection } = this.#options
    const holds = (shard: string | undefined) => shard !== undefined && connection.linkFor(`{${shard}}`) === link
    const known = this.#shards.get(link.name)
    if (holds(known)) return known as string
    const found = SHARDS.find(holds) ?? FIRST_SHARD
    this.#shards.set(link.name, found)
    return found
  }
}

const FIRST_SHARD = '0'
const SHARDS = Array.from({ length: 1000 }, (_, i) => String(i))
