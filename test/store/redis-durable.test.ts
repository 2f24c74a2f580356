/** What is acknowledged survives a failover: real Sentinels, a real Cluster, real kills. */

import { randomUUID } from 'node:crypto'
import { expect, it, onTestFinished, vi } from 'vitest'

import { systemClock } from '../../src/base/clock.ts'
import { openRedisStore } from '../../src/store/redis/redis-store.ts'
import type { Key, Store } from '../../src/store/store.ts'
import {
  aPrefix,
  describeWithRedis,
  type RedisServer,
  startCluster,
  startRedis,
  startSentinel,
} from '../support/redis.ts'

const FAILOVER = { timeout: 30_000, interval: 20 }
// The Sentinels turn the old primary into a replica after some ten seconds.
const PATIENCE = { timeout: 60_000 }
const PRIMARY_NAME = 'grantor'

describeWithRedis('Redis with Sentinel, a primary and two replicas', () => {
  it('[B1] loses nothing that was acknowledged during a planned failover, and follows it', PATIENCE, async () => {
    const { redis, store } = await opened()
    const stop = writing(store)
    await redis.sentinels[0]?.cli('SENTINEL', 'FAILOVER', PRIMARY_NAME)
    await vi.waitFor(async () => expect(await isPrimaryOf(redis.replicas)).toBe(true), FAILOVER)
    await isReady(store)
    const { ended, used } = await stop()

    // The old primary becomes a replica of the new one, and what only it had is gone.
    await vi.waitFor(async () => expect(await redis.primary.cli('ROLE')).toMatch(/^slave/), FAILOVER)

    expect(ended.length).toBeGreaterThan(0)
    const heard = (await store.read('revocations', undefined, 100_000)).map(({ value }) => value)
    expect(heard).toEqual(expect.arrayContaining(ended))
    await expectUsed(store, used)
  })

  it('[B1] loses nothing that was acknowledged when the primary is killed', async () => {
    const { redis, store } = await opened()
    const stop = writing(store)
    await vi.waitFor(() => expect(stop.count()).toBeGreaterThan(20), FAILOVER)

    await redis.primary.kill()
    await vi.waitFor(async () => expect(await isPrimaryOf(redis.replicas)).toBe(true), FAILOVER)
    await isReady(store)

    const { ended, used } = await stop()
    const heard = (await store.read('revocations', undefined, 100_000)).map(({ value }) => value)
    expect(heard).toEqual(expect.arrayContaining(ended))
    await expectUsed(store, used)
  })

  it('[B2] acknowledges nothing on a primary whose replicas are out of reach, says so, and recovers', async () => {
    const { redis, store } = await opened()
    const code = aKey()
    await store.put(code, 'x')
    // The Sentinels hang too: it is unknown whether the replicas were promoted.
    const away = [...redis.replicas, ...redis.sentinels]
    for (const server of away) server.pause()

    // All at once: after the first that is not confirmed the primary is not used any more.
    const unconfirmed = [store.append('revocations', 'x', 60), store.link(aKey(), 'x', 60), store.confirm(code)]
    for (const outcome of await Promise.allSettled(unconfirmed)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } })
    }
    await vi.waitFor(() => expect(store.status()).toMatchObject({ ready: false }), FAILOVER)
    await expect(store.consume(code, 'me')).rejects.toMatchObject({ code: 'store_unavailable' })
    await expect(store.get(code)).rejects.toMatchObject({ code: 'store_unavailable' })

    for (const server of away) server.resume()
    await isReady(store)
    expect(await store.consume(code, 'you')).toEqual({ outcome: 'won' })
  })

  it('[B1] continues when a replica dies, as soon as the Sentinels say that it cannot be promoted', async () => {
    const { redis, store } = await opened()

    await redis.replicas[0]?.kill()

    await vi.waitFor(async () => expect(await store.put(aKey(), 'x')).toBe('stored'), FAILOVER)
    await redis.replicas[1]?.kill()
    // None is left to be promoted, so no failover can lose a write.
    await vi.waitFor(async () => expect(await store.put(aKey(), 'x')).toBe('stored'), FAILOVER)
  })

  it('[B1] waits for as many replicas as the operator asks for, even if there are fewer', async () => {
    const { redis } = await opened()
    const strict = await openOn(redis.url, { replicas: 2 })
    await isReady(strict)

    await redis.replicas[0]?.kill()

    const says = /1 of the 2 replicas that have to confirm a write are in step/
    await vi.waitFor(() => expect(strict.status().problem).toMatch(says), FAILOVER)
    await expect(strict.put(aKey(), 'x')).rejects.toMatchObject({ code: 'store_unavailable' })
  })

  it('[B3] begins a new lineage with a new primary: followers and readers are given all that is live', async () => {
    const { redis, store } = await opened()
    const heard: string[] = []
    onTestFinished(store.follow('revocations', undefined, ({ value }) => void heard.push(value)))
    const cursor = await store.append('revocations', 'before', 600)
    await vi.waitFor(() => expect(heard).toContain('before'), FAILOVER)
    await redis.primary.kill()
    await isReady(store)
    await vi.waitFor(() => store.append('revocations', 'after', 600), FAILOVER)

    await vi.waitFor(() => expect(heard.slice(1)).toEqual(['before', 'after']), FAILOVER)
    const again = await store.read('revocations', cursor, 10)
    expect(again.map(({ value }) => value)).toEqual(['before', 'after'])
  })

  async function opened() {
    const redis = await startSentinel({ replicas: 2 })
    onTestFinished(() => redis.close())
    const store = await openOn(redis.url)
    await isReady(store)
    return { redis, store }
  }
})

describeWithRedis('a Redis Cluster with a replica for each primary', () => {
  it('[B1] loses nothing that was acknowledged when a primary is killed, and continues without it', async () => {
    const redis = await startCluster([], 1)
    onTestFinished(() => redis.close())
    const store = await openOn(redis.url)
    await isReady(store)
    const stop = writing(store)
    await vi.waitFor(() => expect(stop.count()).toBeGreaterThan(50), FAILOVER)

    await redis.nodes[0]?.kill()
    await vi.waitFor(() => expect(store.status().ready).toBe(false), FAILOVER)
    await isReady(store)

    const { ended, used } = await stop()
    const heard = (await store.read('revocations', undefined, 100_000)).map(({ value }) => value)
    expect(heard).toEqual(expect.arrayContaining(ended))
    await expectUsed(store, used)
  })
})

describeWithRedis('a single Redis', () => {
  it('[B1] waits for replicas where the operator asks for them', async () => {
    const redis = await startRedis()
    onTestFinished(() => redis.close())
    const store = await openOn(redis.url, { replicas: 1 })
    expect(store.status()).toMatchObject({ ready: false, problem: expect.stringMatching(/0 of the 1 replicas/) })

    const replica = await startRedis({ settings: ['--replicaof', `127.0.0.1 ${redis.port}`] })
    onTestFinished(() => replica.close())

    await isReady(store)
    expect(await store.put(aKey(), 'x')).toBe('stored')
  })
})

/** Ends and uses up things until it is stopped; then tells what was acknowledged. */
function writing(store: Store) {
  const [ended, used] = [[] as string[], [] as Key[]]
  let isStopped = false
  const loops = Array.from({ length: 4 }, async () => {
    while (!isStopped) await write().catch(() => undefined)
  })
  async function write(): Promise<void> {
    const [key, ending] = [aKey(), randomUUID()]
    const outcomes = await Promise.allSettled([
      store.append('revocations', ending, 600).then(() => ended.push(ending)),
      store
        .put(key, 'x')
        .then(() => store.consume(key, key))
        .then(() => used.push(key)),
    ])
    // While nothing is taken, the next try can wait.
    if (outcomes.some(({ status }) => status === 'rejected')) await vi.waitFor(() => ready(store), FAILOVER)
  }
  return Object.assign(
    async () => {
      isStopped = true
      await Promise.all(loops)
      return { ended, used }
    },
    { count: () => used.length },
  )
}

async function expectUsed(store: Store, keys: readonly Key[]): Promise<void> {
  const outcomes = await Promise.all(keys.map((key) => store.consume(key, 'somebody else')))
  expect(outcomes.filter(({ outcome }) => outcome !== 'lost')).toEqual([])
}

async function openOn(url: string, { replicas }: { replicas?: number } = {}): Promise<Store> {
  const store = await openRedisStore({ url, clock: systemClock, prefix: aPrefix(), replicas })
  onTestFinished(() => store.close())
  return store
}

function ready(store: Store): void {
  expect(store.status()).toMatchObject({ ready: true })
}

async function isReady(store: Store): Promise<void> {
  await vi.waitFor(() => ready(store), FAILOVER)
}

async function isPrimaryOf(replicas: readonly RedisServer[]): Promise<boolean> {
  const roles = await Promise.all(replicas.map((replica) => replica.cli('ROLE')))
  return roles.some((role) => role.startsWith('master'))
}

function aKey(): Key {
  const id = randomUUID()
  return `kind:{${id.slice(0, 2)}}:${id}`
}
