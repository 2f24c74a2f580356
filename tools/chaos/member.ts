/** One Redis server of a topology: its process, where others reach it, and a connection to ask it directly. */

import { Redis } from 'ioredis'

import { type RedisServer, startServer } from '../../test/support/redis.ts'
import type { Network } from './network.ts'
import type { ShiftedClock } from './shifted-clock.ts'

export interface Member {
  readonly name: string
  readonly server: RedisServer
  /** The port that the others and the nodes are told. */
  readonly port: number
  readonly clock: ShiftedClock | undefined
  /** The reply to a command, or `undefined` when the server does not answer soon. */
  ask(command: string, ...args: readonly string[]): Promise<unknown>
  close(): Promise<void>
}

export interface MemberParts {
  readonly name: string
  readonly network: Network
  readonly clock?: ShiftedClock | undefined
  readonly settings: readonly string[]
  /** Lines of its file that tell the others where it is, from the ports of its fronts. */
  readonly announce: (port: number, busPort: number) => readonly string[]
  readonly ports: { readonly own: number; readonly bus?: number }
}

const ASK_MS = 400

export async function startMember(parts: MemberParts): Promise<Member> {
  const { name, network, clock, settings, announce, ports } = parts
  const port = await network.front(name, ports.own)
  const busPort = ports.bus === undefined ? 0 : await network.front(name, ports.bus)
  const lines = [`bind-source-addr ${network.addressOf(name)}`, ...announce(port, busPort)]
  const server = await startServer(settings, lines, { port: ports.own, env: clock?.env ?? {} })
  const client = new Redis({
    ...{ host: '127.0.0.1', port: server.port, lazyConnect: true, enableOfflineQueue: false, protocol: 2 },
    ...{ commandTimeout: ASK_MS, connectTimeout: ASK_MS, socketTimeout: ASK_MS, maxRetriesPerRequest: 0 },
    retryStrategy: () => 50,
  })
  client.on('error', () => undefined)
  await client.connect().catch(() => undefined)
  return {
    ...{ name, server, port, clock },
    async ask(command, ...args) {
      return client.call(command, ...args).catch(() => undefined)
    },
    async close() {
      client.disconnect()
      await server.close()
    },
  }
}

/** A line of `INFO`, by its name. */
export async function infoOf(member: Member, section: string, name: string): Promise<string | undefined> {
  const text = String((await member.ask('INFO', section)) ?? '')
  return new RegExp(`^${name}:(.*)$`, 'm').exec(text)?.[1]?.trim()
}
