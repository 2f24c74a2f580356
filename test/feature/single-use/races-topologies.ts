/** The kinds of store that two nodes may share, and how each holds a node between its reads and its write. */

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, vi } from 'vitest'

import {
  describeWithRedis,
  type RedisCluster,
  type RedisServer,
  startCluster,
  startRedis,
} from '../../support/redis.ts'
import type { ServerProcesses } from '../../support/server-process.ts'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'
import { within } from '../../support/figures.ts'

/** In each direction. A store that answers at once hides races. */
const LATENCY_MS = 2

/** For the environment of the nodes: the Cluster of these tests has no replicas. */
export const WITHOUT_REPLICAS = { REDIS_REPLICAS: '0' }

export interface Topology {
  /** Redis URLs, one a node; `undefined`: the embedded file. */
  open(nodes: number): Promise<readonly string[] | undefined>
  close(): Promise<void>
  /**
   * Begins `first` at the second node, lets `second` happen when that node has read and not yet written, and goes on.
   * The write is that of a code unless `write` matches another; no other such may be under way.
   */
  duringWrite<T>(
    nodes: ServerProcesses,
    first: () => Promise<T>,
    second: () => Promise<unknown>,
    write?: RegExp,
  ): Promise<T>
}

export function describeOnEachTopology(title: string, tests: (topology: Topology) => void): void {
  describe(`${title} on one embedded file`, () => tests(embedded()))
  describeWithRedis(`${title} on one Redis, ${LATENCY_MS} ms away`, () => tests(standalone()))
  describeWithRedis(`${title} on a Redis Cluster, ${LATENCY_MS} ms away`, () => tests(cluster()))
}

function embedded(): Topology {
  return {
    open: async () => undefined,
    close: async () => undefined,

    // While another process holds the write lock, reads go on and writes wait. The node is stopped in that state, so
    // that `second` finds the lock free and the node asleep.
    async duringWrite(nodes, first, second) {
      const stopped = nodes.servers[1]
      const database = new DatabaseSync(join(nodes.dataDir, 'grantor.db'), { timeout: 10_000 })
      database.exec('BEGIN IMMEDIATE')
      const answer = first()
      await settled(nodes.urls[1] as string)
      stopped?.pause()
      database.exec('ROLLBACK')
      database.close()
      try {
        await second()
      } finally {
        stopped?.resume()
      }
      return answer
    },
  }
}

/** Reads of the embedded store take no turn of the event loop: after a few answers the request has come to its write. */
async function settled(url: string): Promise<void> {
  for (let answers = 0; answers < 5; answers++) await (await fetch(`${url}/jwks`)).arrayBuffer()
}

/** Each node reaches Redis through a proxy of its own. */
function standalone(): Topology {
  let redis: RedisServer
  let proxies: TcpProxy[] = []
  return {
    async open(nodes) {
      redis = await startRedis()
      proxies = await distant(Array.from({ length: nodes }, () => redis.port))
      return proxies.map(({ url }) => url)
    },
    async close() {
      await Promise.all(proxies.map((proxy) => proxy.close()))
      await redis?.close()
    },
    duringWrite: (_nodes, first, second, write) => holdingWrite(proxies.slice(1), first, second, write),
  }
}

/** A Cluster tells its clients where its nodes are; these say that they are where their proxies are. */
function cluster(): Topology {
  let redis: RedisCluster
  let proxies: TcpProxy[] = []
  return {
    async open() {
      redis = await startCluster()
      proxies = await distant(redis.nodes.map(({ port }) => port))
      const announced = redis.nodes.map((node, i) =>
        node.cli('CONFIG', 'SET', 'cluster-announce-port', String(proxies[i]?.port)),
      )
      await Promise.all(announced)
      const known = async () =>
        expect(await Promise.all(redis.nodes.map(toldPorts))).toEqual(redis.nodes.map(() => ports(proxies)))
      await vi.waitFor(known, within(10_000))
      return [`redis+cluster://${proxies.map(({ port }) => `127.0.0.1:${port}`).join(',')}`]
    },
    async close() {
      await Promise.all(proxies.map((proxy) => proxy.close()))
      await redis?.close()
    },
    duringWrite: (_nodes, first, second, write) => holdingWrite(proxies, first, second, write),
  }
}

async function distant(targets: readonly number[]): Promise<TcpProxy[]> {
  const proxies = await Promise.all(targets.map(startTcpProxy))
  for (const proxy of proxies) proxy.delay(LATENCY_MS)
  return proxies
}

function ports(proxies: readonly TcpProxy[]): Set<number> {
  return new Set(proxies.map(({ port }) => port))
}

/** Where this node of a Cluster sends clients. */
async function toldPorts(node: RedisServer): Promise<Set<number>> {
  const lines = (await node.cli('CLUSTER', 'NODES')).split('\n')
  return new Set(lines.map((line) => Number(/:(\d+)@/.exec(line)?.[1])))
}

async function holdingWrite<T>(
  proxies: readonly TcpProxy[],
  first: () => Promise<T>,
  second: () => Promise<unknown>,
  write = /code:\{/,
): Promise<T> {
  const held = proxies.map((proxy) => proxy.hold(write))
  const answer = first()
  await Promise.race(held.map(({ reached }) => reached))
  try {
    await second()
  } finally {
    for (const one of held) one.release()
  }
  return answer
}
