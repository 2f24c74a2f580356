/**
 * Commands that are answered only when enough replicas have what they wrote.
 *
 * WAIT covers everything that its connection wrote before, and blocks everything after it. So these commands have their
 * own connection with at most one WAIT at a time. Commands sent meanwhile share the next WAIT.
 *
 * Before the first write of a batch the primary is asked for its replicas. A replica may have connected since the last
 * health check, and may be promoted before the next one.
 */

import type { Redis } from 'ioredis'

import { StoreUnavailable } from '../../../faults/store.ts'
import type { Replicas } from './replicas.ts'

// A working replica confirms at once; a slower one hangs or lags behind.
const WAIT_MS = 900
// A primary that is short of replicas is still asked: a replica may just have returned.
const SHORT_WAIT_MS = 50

interface Batch {
  /** The replicas of the primary just before the writes, as `host:port`. */
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
