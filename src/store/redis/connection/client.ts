/** How we ask ioredis to behave: fail within the time-out, repeat nothing by itself, come back within a second. */

import { randomInt } from 'node:crypto'

import { Redis, type RedisOptions } from 'ioredis'

import { isDemoted } from './faults.ts'
import type { RedisAddress, RedisNode } from './url.ts'

/** A client of one server that holds data, not yet connected. */
export function createClient(node: RedisNode, address: RedisAddress, commandTimeoutMs: number): Redis {
  return new Redis({
    ...connectionOptions(node, commandTimeoutMs),
    username: address.username,
    password: address.password,
    tls: address.tls ? {} : undefined,
    db: address.db,
    reconnectOnError: isDemoted,
  })
}

/** A client of a Sentinel, not yet connected. Sentinels hold no data and are asked without credentials. */
export function createSentinelClient(node: RedisNode, commandTimeoutMs: number): Redis {
  return new Redis({ ...connectionOptions(node, commandTimeoutMs), enableReadyCheck: false })
}

function connectionOptions({ host, port }: RedisNode, commandTimeoutMs: number) {
  return {
    host,
    port,
    lazyConnect: true,
    // A command that cannot be sent fails now. In a queue it would run when no caller waits for it.
    enableOfflineQueue: false,
    retryStrategy: reconnectDelayMs,
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
  } satisfies RedisOptions
}

const KEEP_ALIVE_MS = 10_000
const MAX_RECONNECT_MS = 1000

/** Random, so that many nodes do not reconnect at the same time; at most a second, so that they reconnect soon. */
function reconnectDelayMs(attempt: number): number {
  return randomInt(20, Math.min(MAX_RECONNECT_MS, 50 * 2 ** Math.min(attempt, 10)))
}
