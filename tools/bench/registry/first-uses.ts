/** How long the first look at a client takes that a server does not hold, and what it asks of Redis. */

import { setImmediate as turn } from 'node:timers/promises'

import { Redis } from 'ioredis'

import { quantile } from '../../kit/quantile.ts'
import { type BenchPlace, withCore } from './bench-core.ts'
import { clientIdAt } from './fill.ts'

export interface FirstUses {
  readonly medianMs: number
  readonly p99Ms: number
  /** Commands of Redis for each client; `undefined` on the embedded store. */
  readonly roundTrips: number | undefined
}

const LOOKS = 2000

export async function firstUses(place: BenchPlace, count: number): Promise<FirstUses> {
  return withCore(place, async ({ clients }) => {
    const redis = place.redisUrl === undefined ? undefined : new Redis(place.redisUrl)
    const commandsBefore = await reads(redis)
    const latenciesMs: number[] = []
    const step = Math.max(1, Math.floor(count / LOOKS))
    for (let at = 0; at < count; at += step) {
      // Each look in a turn of its own, as requests come.
      await turn()
      const beganMs = performance.now()
      const client = await clients.findClient(clientIdAt(at))
      latenciesMs.push(performance.now() - beganMs)
      if (client === undefined) throw new Error(`${clientIdAt(at)} is not there`)
    }
    const commands = (await reads(redis)) - commandsBefore
    redis?.disconnect()
    latenciesMs.sort((a, b) => a - b)
    return {
      medianMs: quantile(latenciesMs, 0.5),
      p99Ms: quantile(latenciesMs, 0.99),
      roundTrips: redis && commands / latenciesMs.length,
    }
  })
}

/** How often a record was read. Each server under measure reads two a second beside that, for its heartbeat. */
async function reads(redis: Redis | undefined): Promise<number> {
  const info = (await redis?.info('commandstats')) ?? ''
  return Number(/cmdstat_hmget:calls=(\d+)/.exec(info)?.[1] ?? 0)
}
