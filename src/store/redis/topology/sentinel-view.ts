/**
 * The report of one Sentinel: the primary, its configuration epoch, and the replicas that it could promote.
 *
 * A Sentinel is asked several times a second, and at once when it announces a change.
 */

import type { Redis } from 'ioredis'

import type { Clock } from '../../../base/clock.ts'
import { createSentinelClient } from '../connection/client.ts'
import type { RedisNode } from '../connection/url.ts'

export interface SentinelView {
  readonly primary: RedisNode
  /** Grows with every failover: of two Sentinels that differ, the higher is right. */
  readonly epoch: number
  readonly replicas: ReadonlyMap<string, ListedReplica>
}

export interface ListedReplica {
  readonly canBePromoted: boolean
  /** As far as the Sentinel knows, which may be ten seconds old. */
  readonly isInStep: boolean
}

export interface SentinelOptions {
  readonly node: RedisNode
  readonly name: string
  readonly monotonic: Clock
  readonly onView: () => void
  readonly onTrouble: (cause: unknown) => void
}

const ASK_MS = 250
const ANSWERS_WITHIN_MS = 1000
const FRESH_MS = 3000
const CHANGES = ['+switch-master', '+promoted-slave', '+config-update-from']
// A Sentinel promotes no replica that has not answered its PING for five seconds.
const LONGEST_SILENCE_MS = 5500

export class SentinelWatch {
  readonly #options: SentinelOptions
  readonly #asked: Redis
  readonly #listening: Redis
  readonly #timer: NodeJS.Timeout
  #view: SentinelView | undefined
  #seenMs = Number.NEGATIVE_INFINITY
  #asking: Promise<void> | undefined

  constructor(options: SentinelOptions) {
    this.#options = options
    this.#asked = createSentinelClient(options.node, ANSWERS_WITHIN_MS)
    this.#listening = createSentinelClient(options.node, ANSWERS_WITHIN_MS)
    for (const client of [this.#asked, this.#listening]) client.on('error', options.onTrouble)
    this.#asked.on('ready', () => void this.ask())
    this.#listening.on('ready', () => {
      this.#listening.subscribe(...CHANGES).catch(options.onTrouble)
    })
    this.#listening.on('message', () => void this.ask())
    for (const client of [this.#asked, this.#listening]) client.connect().catch(options.onTrouble)
    this.#timer = setInterval(() => void this.ask(), ASK_MS).unref()
  }

  /** Its latest report; `undefined` when it does not answer. */
  get view(): SentinelView | undefined {
    return this.#options.monotonic() - this.#seenMs < FRESH_MS ? this.#view : undefined
  }

  /** Asks now, unless it is being asked. */
  ask(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  close(): void {
    clearInterval(this.#timer)
    this.#asked.disconnect()
    this.#listening.disconnect()
  }

  async #ask(): Promise<void> {
    if (this.#asked.status !== 'ready') return
    const { name, monotonic, onView, onTrouble } = this.#options
    try {
      const about = (what: string) => this.#asked.call('SENTINEL', what, name)
      const [address, primary, replicas] = await Promise.all([
        about('GET-MASTER-ADDR-BY-NAME') as Promise<[string, string] | null>,
        about('MASTER') as Promise<string[]>,
        about('REPLICAS') as Promise<string[][]>,
      ])
      if (address === null) throw new Error(`the Sentinels know no primary named ${name}`)
      this.#view = {
        primary: { host: address[0], port: Number(address[1]) },
        epoch: Number(fieldsOf(primary).get('config-epoch')),
        replicas: new Map(replicas.map((replica) => listed(fieldsOf(replica)))),
      }
      this.#seenMs = monotonic()
      onView()
    } catch (cause) {
      onTrouble(cause)
    }
  }
}

function fieldsOf(flat: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>()
  for (let i = 0; i < flat.length; i += 2) fields.set(flat[i] as string, flat[i + 1] as string)
  return fields
}

function listed(fields: ReadonlyMap<string, string>): [name: string, replica: ListedReplica] {
  // Not `disconnected`: a replica looks like that during its promotion, which cuts its connections.
  const isDown = /s_down|o_down/.test(fields.get('flags') ?? '')
  const isSilent = Number(fields.get('last-ok-ping-reply')) > LONGEST_SILENCE_MS
  const canBePromoted = !isDown && !isSilent && fields.get('slave-priority') !== '0'
  const isInStep = fields.get('master-link-status') === 'ok'
  return [`${fields.get('ip')}:${fields.get('port')}`, { canBePromoted, isInStep }]
}
