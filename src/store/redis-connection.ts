/**
 * The one way to Redis: sends commands and scripts, and turns everything that goes wrong into `StoreUnavailable`.
 *
 * A command is repeated only if it certainly was not run, or if running it twice is the same as once and the caller
 * says so.
 */

import { Cluster, Command, type Redis } from 'ioredis'

import type { Clock } from '../base/clock.ts'
import { createClient, type RedisClient } from './redis-client.ts'
import { isMisdirected, isReplyLost, isScriptUnknown, reasonOf, unavailable } from './redis-faults.ts'
import type { RedisAddress } from './redis-url.ts'
import type { Script } from './scripts.ts'

type Argument = string | number

export class RedisConnection {
  readonly #address: RedisAddress
  readonly #commandTimeoutMs: number
  readonly #clock: Clock
  readonly #client: RedisClient
  #lastReason = 'not connected yet'

  constructor(address: RedisAddress, commandTimeoutMs: number, clock: Clock) {
    this.#address = address
    this.#commandTimeoutMs = commandTimeoutMs
    this.#clock = clock
    this.#client = createClient(address, { commandTimeoutMs, pipelining: true })
    const note = (cause: unknown) => this.noteReason(cause)
    this.#client.on('error', note)
    this.#client.on('node error', note)
  }

  /** Connects; if that fails, or takes longer than a command may, goes on trying behind the scenes until `close`. */
  async open(): Promise<void> {
    const connected = this.#client.connect().catch((cause: unknown) => this.noteReason(cause))
    await Promise.race([connected, this.#readyWithin(this.#commandTimeoutMs)])
  }

  get isReady(): boolean {
    return this.#client.status === 'ready'
  }

  get isCluster(): boolean {
    return this.#client instanceof Cluster
  }

  /** Why the last connection or answer failed. */
  get lastReason(): string {
    return this.#lastReason
  }

  /** That the connection is closed is no reason: what closed it was noted before. */
  noteReason(cause: unknown): void {
    const reason = reasonOf(cause)
    if (!reason.startsWith('Connection is closed')) this.#lastReason = reason
  }

  onReady(listener: () => void): void {
    this.#client.on('ready', listener)
  }

  /** The server itself, or every primary of the Cluster, in a lasting order. */
  primaries(): readonly Redis[] {
    if (!(this.#client instanceof Cluster)) return [this.#client]
    return this.#client.nodes('master').sort((a, b) => nodeName(a).localeCompare(nodeName(b)))
  }

  /** Another client to the same place, for commands that block. */
  blockingClient(): RedisClient {
    return createClient(this.#address, { commandTimeoutMs: this.#commandTimeoutMs, pipelining: false })
  }

  async send(name: string, ...args: readonly Argument[]): Promise<unknown> {
    try {
      return await this.#send(name, args)
    } catch (cause) {
      throw unavailable(cause)
    }
  }

  async run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    try {
      return await this.#run(script, keys, args)
    } catch (cause) {
      throw unavailable(cause)
    }
  }

  /** For a script that is the same run once or twice: if the reply was lost and Redis is soon back, runs it again. */
  async runRepeatable(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    const deadlineMs = this.#clock() + this.#commandTimeoutMs
    try {
      return await this.#run(script, keys, args)
    } catch (cause) {
      const isBack = isReplyLost(cause) && (await this.#readyWithin(deadlineMs - this.#clock()))
      if (isBack) return this.run(script, keys, args)
      throw unavailable(cause)
    }
  }

  close(): void {
    this.#client.disconnect()
    this.#lastReason = 'the store is closed'
  }

  async #run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    try {
      return await this.#send('evalsha', [script.sha, keys.length, ...keys, ...args])
    } catch (cause) {
      if (!isScriptUnknown(cause)) throw cause
      return this.#send('eval', [script.text, keys.length, ...keys, ...args])
    }
  }

  async #send(name: string, args: readonly Argument[]): Promise<unknown> {
    if (!this.isReady) throw unavailable(this.#lastReason)
    this.#holdWrites()
    try {
      return await this.#client.call(name, ...args)
    } catch (cause) {
      if (!isMisdirected(cause)) throw cause
      // A pipeline gives up when its commands fail differently, as they do while slots move. Alone it is redirected.
      return this.#client.sendCommand(new Command(name, [...args], { replyEncoding: 'utf8' }))
    }
  }

  /**
   * Commands of one turn leave in one write, and share a round trip. ioredis could do that itself, by a pipeline of
   * objects that cost as much as the commands; for a Cluster it does.
   */
  #holdWrites(): void {
    if (this.#client instanceof Cluster) return
    const { stream } = this.#client
    if (stream.writableCorked > 0) return
    stream.cork()
    setImmediate(() => stream.uncork())
  }

  #readyWithin(ms: number): Promise<boolean> {
    if (ms <= 0 || this.isReady) return Promise.resolve(this.isReady)
    return new Promise((resolve) => {
      const settle = (isBack: boolean) => {
        clearTimeout(timer)
        this.#client.off('ready', ready)
        resolve(isBack)
      }
      const ready = () => settle(true)
      const timer = setTimeout(settle, ms, false)
      this.#client.on('ready', ready)
    })
  }
}

/** Host and port, by which a list finds its node again. */
export function nodeName(node: Redis): string {
  return `${node.options.host}:${node.options.port}`
}
