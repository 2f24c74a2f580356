/**
 * One primary: the connections to it, and whether it may be used.
 *
 * A connection is used once the server has said on it that it is a primary. Where replicas have to confirm, commands that
 * decide have a connection of their own (see durable.ts), so that reading never waits for a replica.
 */

import type { Redis } from 'ioredis'

import { createClient } from './client.ts'
import { DurableCommands } from './durable.ts'
import { isScriptUnknown, unavailable } from './faults.ts'
import { type Info, parseInfo, tooOldFor } from '../health/info.ts'
import type { Replicas } from './replicas.ts'
import type { RedisAddress, RedisNode } from './url.ts'
import type { Script } from '../scripts.ts'

export type Argument = string | number

export interface LinkOptions {
  readonly node: RedisNode
  readonly address: RedisAddress
  readonly commandTimeoutMs: number
  readonly replicas: Replicas
  readonly onReady: (link: RedisLink) => void
  readonly onTrouble: (cause: unknown) => void
  /** A write was not confirmed by the replicas that have to: what is read here may be lost in a failover. */
  readonly onUnconfirmed: (link: RedisLink) => void
}

/** How a command is sent: on which connection, and whether to a node that only imports the slot (a Cluster's ASK). */
export interface Sending {
  readonly durable: boolean
  readonly asking?: boolean
}

const GREET_AGAIN_MS = 200

export class RedisLink {
  readonly name: string
  readonly node: RedisNode
  readonly replicas: Replicas
  readonly #options: LinkOptions
  readonly #reader: Redis
  readonly #decider: Redis
  readonly #durable: DurableCommands | undefined
  readonly #greeted = new Set<Redis>()
  readonly #connections: number
  #isClosed = false

  constructor(options: LinkOptions) {
    const { node, address, commandTimeoutMs, replicas } = options
    this.name = nameOf(node)
    this.node = node
    this.replicas = replicas
    this.#options = options
    this.#reader = createClient(node, address, commandTimeoutMs)
    const waits = replicas.areAsked
    this.#decider = waits ? createClient(node, address, commandTimeoutMs) : this.#reader
    this.#durable = waits ? new DurableCommands(this.#decider, replicas, () => options.onUnconfirmed(this)) : undefined
    this.#connections = waits ? 2 : 1
    for (const client of this.#clients()) this.#watch(client)
  }

  /** Whether every connection is there and leads to a primary. */
  get isReady(): boolean {
    return this.#greeted.size === this.#connections
  }

  /** The connection for commands that do not decide. */
  get reader(): Redis {
    return this.#reader
  }

  /** Connects, and keeps trying in the background until `close`. */
  connect(): void {
    for (const client of this.#clients()) client.connect().catch((cause: unknown) => this.#options.onTrouble(cause))
  }

  /** A further connection to the same server, for commands that block. */
  blockingClient(): Redis {
    const { node, address, commandTimeoutMs } = this.#options
    return createClient(node, address, commandTimeoutMs)
  }

  async run(script: Script, keys: readonly string[], args: readonly Argument[], sending: Sending): Promise<unknown> {
    try {
      return await this.send('evalsha', [script.sha, keys.length, ...keys, ...args], sending)
    } catch (cause) {
      if (!isScriptUnknown(cause)) throw cause
      return this.send('eval', [script.text, keys.length, ...keys, ...args], sending)
    }
  }

  async send(name: string, args: readonly Argument[], { durable, asking = false }: Sending): Promise<unknown> {
    if (!this.isReady) throw unavailable(`not connected to ${this.name}`)
    const client = durable ? this.#decider : this.#reader
    const call = () => {
      holdWrites(client)
      if (asking) client.call('ASKING').catch(() => undefined) // What follows fails with it, and says so.
      return client.call(name, ...args)
    }
    return durable && this.#durable !== undefined ? this.#durable.call(call) : call()
  }

  /** The server's own report (INFO). */
  async info(...sections: readonly string[]): Promise<Info> {
    return parseInfo(String(await this.#reader.call('INFO', ...sections)))
  }

  close(): void {
    this.#isClosed = true
    this.#greeted.clear()
    for (const client of this.#clients()) client.disconnect()
  }

  #clients(): Redis[] {
    return this.#decider === this.#reader ? [this.#reader] : [this.#reader, this.#decider]
  }

  #watch(client: Redis): void {
    client.on('error', (cause: unknown) => this.#options.onTrouble(cause))
    client.on('ready', () => void this.#greet(client))
    client.on('close', () => this.#greeted.delete(client))
  }

  /** A replica is asked again until it is promoted, or the connection closes. */
  async #greet(client: Redis): Promise<void> {
    try {
      const info = parseInfo(String(await client.call('INFO', 'replication', 'server')))
      const refusal = tooOldFor(info) ?? (info.role === 'master' ? undefined : `READONLY ${this.name} is a replica`)
      if (refusal !== undefined) throw new Error(refusal)
      if (this.#isClosed || client.status !== 'ready') return
      // Replicas that counted before still count: a restarted primary does not know one that was promoted meanwhile.
      this.replicas.meet(info.replicasInStep)
      this.#greeted.add(client)
      if (this.isReady) this.#options.onReady(this)
    } catch (cause) {
      this.#options.onTrouble(cause)
      setTimeout(() => {
        if (!this.#isClosed && client.status === 'ready') void this.#greet(client)
      }, GREET_AGAIN_MS).unref()
    }
  }
}

/** Host and port. */
export function nameOf({ host, port }: RedisNode): string {
  return `${host}:${port}`
}

/**
 * Commands of one turn leave in one write, and share a round trip. ioredis could do that itself, by a pipeline of objects
 * that cost as much as the commands.
 */
function holdWrites({ stream }: Redis): void {
  if (stream.writableCorked > 0) return
  stream.cork()
  setImmediate(() => stream.uncork())
}
