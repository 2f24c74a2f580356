/**
 * What durability costs: `npm run bench:durability`.
 *
 * The write of a refresh (a token is used, its successor stored) on a primary with two replicas and three Sentinels, once
 * with every replica confirming it and once with none. Both take turns, so that they meet the same machine.
 */

import { randomUUID } from 'node:crypto'

import { systemClock } from '../../src/base/clock.ts'
import { openRedisStore } from '../../src/store/redis/redis-store.ts'
import type { Key, Store } from '../../src/store/store.ts'
import { startSentinel } from '../../test/support/redis.ts'

const AT_ONCE = [1, 16, 64]
const TURNS = 5
const TURN_MS = 1000
const VALUE = 'x'.repeat(600) // About what a stored refresh token has.

interface Figures {
  readonly writes: number
  readonly latenciesMs: readonly number[]
  readonly cpuMs: number
}

const redis = await startSentinel({ replicas: 2 })
try {
  const kinds = { confirmed: await open(undefined), 'not confirmed': await open(0) }
  for (const atOnce of AT_ONCE) {
    const figures = new Map<string, Figures[]>()
    for (let turn = 0; turn < TURNS; turn++) {
      for (const [kind, store] of Object.entries(kinds)) {
        figures.set(kind, [...(figures.get(kind) ?? []), await measure(store, atOnce)])
      }
    }
    for (const [kind, all] of figures) say(kind, atOnce, all)
  }
  await Promise.all(Object.values(kinds).map((store) => store.close()))
} finally {
  await redis.close()
}

async function open(replicas: number | undefined): Promise<Store> {
  const store = await openRedisStore({ url: redis.url, clock: systemClock, prefix: `${randomUUID()}:`, replicas })
  while (!store.status().ready) await new Promise((resolve) => setTimeout(resolve, 50))
  return store
}

async function measure(store: Store, atOnce: number): Promise<Figures> {
  const latenciesMs: number[] = []
  const begun = process.cpuUsage()
  const endMs = performance.now() + TURN_MS
  await Promise.all(Array.from({ length: atOnce }, () => refreshUntil(store, endMs, latenciesMs)))
  const { user, system } = process.cpuUsage(begun)
  return { writes: latenciesMs.length, latenciesMs, cpuMs: (user + system) / 1000 }
}

async function refreshUntil(store: Store, endMs: number, latenciesMs: number[]): Promise<void> {
  const family = randomUUID()
  const nameOf = (generation: number): Key => `refresh:{${family.slice(0, 2)}}:${family}-${generation}`
  const options = { ttlSeconds: 60 }
  await store.put(nameOf(0), VALUE, options)
  for (let generation = 0; performance.now() < endMs; generation++) {
    const begunMs = performance.now()
    const successor = { key: nameOf(generation + 1), value: VALUE, options }
    await store.consume(nameOf(generation), 'bench', { successor })
    latenciesMs.push(performance.now() - begunMs)
  }
}

function say(kind: string, atOnce: number, all: readonly Figures[]): void {
  const writes = all.reduce((sum, figures) => sum + figures.writes, 0)
  const cpuMs = all.reduce((sum, figures) => sum + figures.cpuMs, 0)
  const sorted = all.flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b)
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(2)
  const cost = `${Math.round((1000 * cpuMs) / writes)} µs of this process`
  const rate = Math.round(writes / ((TURNS * TURN_MS) / 1000))
  console.log(`${atOnce} at once, ${kind}: ${rate} a second, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ${cost} each`)
}
