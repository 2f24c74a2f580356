/**
 * The one way to Redis: sends commands and scripts to the primary that holds the key, and turns everything that goes wrong
 * into `StoreUnavailable`.
 *
 * A command is repeated only if it certainly was not run, or if running it twice is the same as once and the caller
 * says so.
 */

import type { Clock } from '../../../base/clock.ts'
import { ClusterTopology } from '../topology/cluster.ts'
import { isOnTheMove, isReplyLost, reasonOf, redirectionIn, unavailable } from './faults.ts'
import type { Argument, RedisLink, Sending } from './link.ts'
import { SentinelTopology } from '../topology/sentinels.ts'
import { openStandalone, type Topology, type TopologyOptions } from '../topology/topology.ts'
import type { RedisAddress } from './url.ts'
import type { Script } from '../scripts.ts'

export interface ConnectionOptions {
  readonly address: RedisAddress
  readonly commandTimeoutMs: number
  readonly replicas: number | undefined
  readonly monotonic: Clock
}

/**
 * What is required of a primary before and after a command:
 *
 * - `plain`: it takes writes. For reads, and for writes that may be lost in a failover.
 * - `deciding`: also that the replicas that have to confirm are connected, before anything is done.
 * - `ending`: nothing before. It is done as far as possible, and fails if it is not confirmed.
 * - `judging`: nothing. For the health check, whose result the others use.
 */
export type Care = 'plain' | 'deciding' | 'ending' | 'judging'

// A key on the move is whole again when the command that moves it is done.
const MOVING_PAUSE_MS = 20
const MOST_TRIES = 16
const LOOK_AGAIN_MS = 20

export class RedisConnection {
  readonly #commandTimeoutMs: number
  readonly #monotonic: Clock
  readonly #topology: Topology
  readonly #confirmed = new WeakSet<RedisLink>()
  readonly #listeners = new Set<() => void>()
  #lastReason = 'not connected yet'
  #isClosed = false

  constructor(options: ConnectionOptions) {
    this.#commandTimeoutMs = options.commandTimeoutMs
    this.#monotonic = options.monotonic
    this.#topology = openTopology(options, {
      onReady: () => {
        for (const listener of this.#listeners) listener()
      },
      onTrouble: (cause) => this.noteReason(cause),
      // Nothing is read any more until the health check has written and seen it confirmed.
      onUnconfirmed: (link) => this.confirm(link, false),
    })
  }

  /**
   * Waits until every primary is known, for as long as a command may take. Then the search continues in the background.
   */
  async open(): Promise<void> {
    await within(this.#commandTimeoutMs, () => this.isReady)
  }

  /** Whether every primary is known and answers as one. */
  get isReady(): boolean {
    const links = this.links()
    return (
      !this.#isClosed && links.length > 0 && this.#topology.problem === undefined && links.every((link) => link.isReady)
    )
  }

  /** Why the last connection or answer failed. */
  get lastReason(): string {
    return this.#isClosed ? this.#lastReason : (this.#topology.problem ?? this.#lastReason)
  }

  /** That the connection is closed is no reason: what closed it was noted before. */
  noteReason(cause: unknown): void {
    const reason = reasonOf(cause)
    if (!this.#isClosed && !reason.startsWith('Connection is closed')) this.#lastReason = reason
  }

  onReady(listener: () => void): void {
    this.#listeners.add(listener)
  }

  /** Every primary, in a stable order. */
  links(): readonly RedisLink[] {
    return this.#topology.links()
  }

  linkFor(key: string): RedisLink | undefined {
    return this.#topology.linkFor(key)
  }

  /** Notes which replicas are in step with a primary, by what it says. */
  noteReplicas(link: RedisLink, inStep: readonly string[]): void {
    const isAlone = this.#topology.isAlone(link)
    link.replicas.note(inStep, (name) => this.#topology.canBePromoted(link, name, inStep), isAlone)
  }

  /** The health check's verdict: whether this primary takes writes, and the replicas that have to confirm do. */
  confirm(link: RedisLink, isGood: boolean): void {
    if (isGood) this.#confirmed.add(link)
    else this.#confirmed.delete(link)
  }

  async send(name: string, key: string, ...args: readonly Argument[]): Promise<unknown> {
    return this.#guarded(() => this.#routed(key, 'plain', (link, sending) => link.send(name, [key, ...args], sending)))
  }

  async run(script: Script, keys: readonly string[], args: readonly Argument[], care: Care): Promise<unknown> {
    return this.#guarded(() => this.#run(script, keys, args, care))
  }

  /** For a script that is the same run once or twice: if the reply was lost and Redis is soon back, runs it again. */
  async runRepeatable(
    script: Script,
    keys: readonly string[],
    args: readonly Argument[],
    care: Care,
  ): Promise<unknown> {
    const deadlineMs = this.#monotonic() + this.#commandTimeoutMs
    try {
      return await this.#run(script, keys, args, care)
    } catch (cause) {
      const isUsable = () => this.#isUsable(keys[0] as string)
      const isBack = isReplyLost(cause) && (await within(deadlineMs - this.#monotonic(), isUsable))
      if (isBack) return this.run(script, keys, args, care)
      throw unavailable(cause)
    }
  }

  close(): void {
    this.#lastReason = 'the store is closed'
    this.#isClosed = true
    this.#topology.close()
  }

  async #guarded(work: () => Promise<unknown>): Promise<unknown> {
    try {
      return await work()
    } catch (cause) {
      throw unavailable(cause)
    }
  }

  #isUsable(key: string): boolean {
    const link = this.linkFor(key)
    return link?.isReady === true && this.#confirmed.has(link)
  }

  #run(script: Script, keys: readonly string[], args: readonly Argument[], care: Care): Promise<unknown> {
    return this.#routed(keys[0] as string, care, (link, sending) => link.run(script, keys, args, sending))
  }

  /** Sends to the primary of the key; while slots move, to whom that one names. */
  async #routed(
    key: string,
    care: Care,
    send: (link: RedisLink, sending: Sending) => Promise<unknown>,
  ): Promise<unknown> {
    const durable = care !== 'plain'
    let link = this.linkFor(key)
    let asking = false
    for (let tries = 0; ; tries++) {
      if (this.#isClosed || link === undefined) throw unavailable(this.lastReason)
      this.#check(link, care)
      try {
        return await send(link, { durable, asking })
      } catch (cause) {
        const elsewhere = redirectionIn(cause, link.node)
        if (tries >= MOST_TRIES || (elsewhere === undefined && !isOnTheMove(cause))) throw cause
        asking = elsewhere?.kind === 'ask'
        if (elsewhere === undefined) await pause(MOVING_PAUSE_MS)
        link =
          elsewhere === undefined
            ? this.linkFor(key)
            : this.#topology.redirected(elsewhere.node, asking ? undefined : key)
        if (link !== undefined) await this.#settled(link)
      }
    }
  }

  /** A primary that we are sent to may be new to us: then the health check looks at it first. */
  async #settled(link: RedisLink): Promise<void> {
    await within(this.#commandTimeoutMs / 2, () => link.isReady && this.#confirmed.has(link))
  }

  #check(link: RedisLink, care: Care): void {
    if (!link.isReady) throw unavailable(this.#lastReason)
    if (care === 'deciding' && !link.replicas.isEnough) throw unavailable(link.replicas.problem)
    if (care !== 'plain' && care !== 'deciding') return
    if (!this.#confirmed.has(link)) throw unavailable(link.replicas.problem ?? this.#lastReason)
  }
}

function openTopology(
  { address, commandTimeoutMs, replicas, monotonic }: ConnectionOptions,
  listeners: Pick<TopologyOptions, 'onReady' | 'onTrouble' | 'onUnconfirmed'>,
): Topology {
  const options = { address, commandTimeoutMs, replicas, monotonic, ...listeners }
  if (address.kind === 'sentinel') return new SentinelTopology(options)
  return address.kind === 'cluster' ? new ClusterTopology(options) : openStandalone(options)
}

/** Whether it becomes so within the time. */
async function within(ms: number, isSo: () => boolean): Promise<boolean> {
  for (let leftMs = ms; leftMs > 0 && !isSo(); leftMs -= LOOK_AGAIN_MS) await pause(LOOK_AGAIN_MS)
  return isSo()
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
