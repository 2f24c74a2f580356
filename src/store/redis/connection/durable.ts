/**
 * Commands that are answered only when enough replicas have what they wrote.
 *
 * WAIT covers all that its connection wrote before, and holds up all that comes after it. So these commands have a
 * connection of their own, and at most one WAIT is under way on it: whatever is sent meanwhile shares the next one.
 *
 * Before the first write of a batch the primary is asked who follows it. A replica may have joined since the health check
 * looked, and may be promoted before the health check looks again.
 */

import type { Redis } from 'ioredis'

import { StoreUnavailable } from '../../../faults/store.ts'
import type { Replicas } from './replicas.ts'

// A replica confirms at once when asked; one that takes longer is hanging or lags behind.
const WAIT_MS = 900
// What is known to be short of replicas is asked all the same: one may just have come back.
const SHORT_WAIT_MS = 50

interface Batch {
  /** Who followed the primary just before the writes, as `host:port`. */
  readonly followers: Promise<readonly string[]>
  readonly durable: Promise<void>
  readonly resolve: () => void
  readonly reject: (cause: unknown) => void
}

export class DurableCommands {
  readonly #client: Redis
  readonly #replicas: Replicas
  readonly #onUnconfirmed: () => void
  #batch: Batch | undefined
  #isWaiting = false

  constructor(client: Redis, replicas: Replicas, onUnconfirmed: () => void) {
    this.#client = client
    this.#replicas = replicas
    this.#onUnconfirmed = onUnconfirmed
  }

  /** Sends the command by `send`, on this connection; gives the reply when it is durable. */
  async call(send: () => Promise<unknown>): Promise<unknown> {
    const { durable } = this.#current()
    const [reply] = await Promise.all([send(), durable])
    return reply
  }

  #current(): Batch {
    if (this.#batch !== undefined) return this.#batch
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#batch = { durable: promise, resolve, reject, followers: this.#followers() }
    if (!this.#isWaiting) {
      this.#isWaiting = true
      setImmediate(() => void this.#confirmAll())
    }
    return this.#batch
  }

  /** One batch after the other, for as long as there are any. */
  async #confirmAll(): Promise<void> {
    for (let batch = this.#batch; batch !== undefined; batch = this.#batch) {
      this.#batch = undefined
      try {
        await this.#confirm(batch)
        batch.resolve()
      } catch (cause) {
        this.#onUnconfirmed()
        batch.reject(cause)
      }
    }
    this.#isWaiting = false
  }

  async #confirm({ followers }: Batch): Promise<void> {
    let asked = this.#replicas.needed
    let confirmed = await this.#wait(asked, this.#replicas.isEnough ? WAIT_MS : SHORT_WAIT_MS)
    this.#replicas.join(await followers)
    if (this.#replicas.needed > asked) {
      asked = this.#replicas.needed
      confirmed = await this.#wait(asked, WAIT_MS)
    }
    if (confirmed >= asked) return
    throw new StoreUnavailable({ detail: `Redis: ${confirmed} of ${asked} replicas confirmed the write` })
  }

  async #wait(replicas: number, ms: number): Promise<number> {
    return Number(await this.#client.call('WAIT', replicas, ms))
  }

  /** Where ROLE is forbidden, what the health check knows has to do. */
  async #followers(): Promise<readonly string[]> {
    const role = (await this.#client.call('ROLE').catch(() => [])) as [
      role?: string,
      offset?: number,
      followers?: unknown,
    ]
    return role[0] === 'master' ? (role[2] as [string, string][]).map(([host, port]) => `${host}:${port}`) : []
  }
}
