/** How we ask ioredis to behave: fail within the time-out, repeat nothing by itself, come back within a second. */

import { randomInt } from 'node:crypto'

import { Cluster, Redis, type RedisOptions } from 'ioredis'

import { isDemoted } from './redis-faults.ts'
import type { RedisAddress } from './redis-url.ts'

export type RedisClient = Redis | Cluster

export interface ClientOptions {
  readonly commandTimeoutMs: number
  /** Commands of one turn to one node of a Cluster share a round trip; off for a connection whose commands block. */
  readonly pipelining: boolean
}

/** A client that is not yet connected. */
export function createClient(address: RedisAddress, options: ClientOptions): RedisClient {
  if (address.kind === 'cluster') return createCluster(address, options)
  const [{ host, port }] = address.nodes
  const where =
    address.kind === 'standalone'
      ? { host, port }
      : { sentinels: [...address.nodes], name: address.name, enableTLSForSentinelMode: address.tls }
  return new Redis({
    ...where,
    ...connectionOptions(address, options),
    db: address.db,
    lazyConnect: true,
    // A command that cannot be sent now fails now: waiting in a queue it would be run when nobody waits for it.
    enableOfflineQueue: false,
    retryStrategy: reconnectDelayMs,
    sentinelRetryStrategy: reconnectDelayMs,
    sentinelCommandTimeout: options.commandTimeoutMs,
  })
}

function createCluster(address: RedisAddress, options: ClientOptions): Cluster {
  return new Cluster([...address.nodes], {
    redisOptions: connectionOptions(address, options),
    lazyConnect: true,
    enableAutoPipelining: options.pipelining,
    clusterRetryStrategy: reconnectDelayMs,
    slotsRefreshInterval: SLOTS_REFRESH_MS,
    slotsRefreshTimeout: options.commandTimeoutMs,
    // ioredis would repeat a command whose reply was lost. 0 turns that off.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
  })
}

// A failover is known to us this long after the nodes know, even if no reply tells.
const SLOTS_REFRESH_MS = 2000

function connectionOptions(address: RedisAddress, { commandTimeoutMs }: ClientOptions) {
  return {
    username: address.username,
    password: address.password,
    tls: address.tls ? {} : undefined,
    connectionName: 'grantor',
    // RESP3 would shape the replies of `call` by the server's version.
    protocol: 2,
    keepAlive: KEEP_ALIVE_MS,
    connectTimeout: commandTimeoutMs,
    commandTimeout: commandTimeoutMs,
    // One unanswered command condemns the connection, so that the next ones need not wait on a dead one as well.
    socketTimeout: commandTimeoutMs,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    maxLoadingRetryTime: MAX_RECONNECT_MS,
    reconnectOnError: isDemoted,
  } satisfies RedisOptions
}

const KEEP_ALIVE_MS = 10_000
const MAX_RECONNECT_MS = 1000

/** Random, so that many nodes do not return at the same moment; at most a second, so that they return soon. */
function reconnectDelayMs(attempt: number): number {
  return randomInt(20, Math.min(MAX_RECONNECT_MS, 50 * 2 ** Math.min(attempt, 10)))
}
