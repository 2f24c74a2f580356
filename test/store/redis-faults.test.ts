import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, it, onTestFinished, vi } from 'vitest'

import { type Clock, monotonicClock, systemClock } from '../../src/base/clock.ts'
import { CLOCKS_DIFFER_MS } from '../../src/store/expiry.ts'
import { openRedisStore } from '../../src/store/redis/redis-store.ts'
import type { Key, Store } from '../../src/store/store.ts'
import { everyVerb } from '../contracts/store.ts'
import { movableClock } from '../support/movable-clock.ts'
import {
  aPrefix,
  describeWithRedis,
  type RedisServer,
  startCluster,
  startRedis,
  startSentinel,
} from '../support/redis.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { expectFigure, within } from '../support/figures.ts'

const FAILS_WITHIN_MS = 3000
const BACK_WITHIN_MS = 5000

describeWithRedis('[F13, F30, F31] the Redis store when Redis fails', () => {
  let redis: RedisServer
  let proxy: TcpProxy

  beforeAll(async () => {
    redis = await startRedis({ appendOnly: true })
    proxy = await startTcpProxy(redis.port)
  })

  afterEach(async () => {
    proxy.resume()
    proxy.delay(0)
    await redis.restart()
  })

  afterAll(async () => {
    await proxy.close()
    await redis.close()
  })

  it('opens before Redis is there, says so, and is ready when it comes', async () => {
    await redis.stop()

    const store = await openStore(redis.url)

    expect(store.status()).toMatchObject({ ready: false, problem: expect.stringMatching(/ECONNREFUSED.*REDIS_URL/) })
    await redis.restart()
    await ready(store)
  })

  it.each([
    ['is stopped', () => redis.stop(), () => redis.restart()],
    ['is killed', () => redis.kill(), () => redis.restart()],
    ['hangs', async () => redis.pause(), async () => redis.resume()],
    ['is behind a black hole', async () => proxy.pause(), async () => proxy.resume()],
  ])('answers StoreUnavailable when Redis %s, without hanging, and is usable soon after', async (_, fail, mend) => {
    const store = await openStore(proxy.url)
    await ready(store)
    await fail()

    await expectEveryVerbToFail(store)
    await vi.waitFor(() => expect(store.status().ready).toBe(false), within(FAILS_WITHIN_MS))
    await mend()

    await vi.waitFor(async () => expect(await store.put(aKey(), 'x')).toBe('stored'), within(BACK_WITHIN_MS))
    await ready(store)
  })

  it('tells how long it has been silent on the monotonic clock', async () => {
    const clock = movableClock()
    const store = await openStore(redis.url, { monotonic: clock })
    await ready(store)
    await redis.stop()
    await vi.waitFor(() => expect(store.status().ready).toBe(false), within(FAILS_WITHIN_MS))

    clock.moveSeconds(5)

    expect(store.status().silentMs).toBe(5000)
  })

  it('keeps what it acknowledged through a kill, with an append-only file', async () => {
    const store = await openStore(redis.url)
    await ready(store)
    const keys = Array.from({ length: 200 }, () => aKey())
    await Promise.all(keys.map((key) => store.put(key, 'x')))
    await store.consume(keys[0] as Key, 'me')

    await redis.kill()
    await redis.restart()

    await ready(store)
    expect((await store.getMany(keys)).every((entry) => entry !== undefined)).toBe(true)
    expect(await store.consume(keys[0] as Key, 'you')).toMatchObject({ outcome: 'lost' })
  })

  it('wins a consume whose reply was lost, by asking again as the same request', async () => {
    const store = await openStore(proxy.url)
    await ready(store)
    const [key, next] = [aKey(), aKey()]
    await store.put(key, 'x')
    await store.consume(aKey(), 'request-0') // Redis now knows the script: the lost reply is that of the consume itself.
    const lost = proxy.loseReplyTo(/request-1/)

    const consumed = await store.consume(key, 'request-1', { successor: { key: next, value: 'next' } })

    await lost
    expect(consumed).toEqual({ outcome: 'won' })
    expect(await store.get(next)).toEqual({ value: 'next', version: 1 })
    expect(await store.consume(key, 'request-1')).toEqual({ outcome: 'won' })
    expect(await store.consume(key, 'request-2')).toMatchObject({ outcome: 'lost' })
  })

  it('does not repeat a take whose reply was lost: it may have been done', async () => {
    const store = await openStore(proxy.url)
    await ready(store)
    const key = aKey()
    await store.put(key, 'x')
    await store.take(aKey()) // Redis now knows the script: the lost reply is that of the take itself.
    void proxy.loseReplyTo(new RegExp(key))

    await expect(store.take(key)).rejects.toMatchObject({ code: 'store_unavailable' })

    await ready(store)
    await vi.waitFor(async () => expect(await store.get(key)).toBeUndefined(), within(BACK_WITHIN_MS))
  })

  it('continues when Redis has lost its scripts', async () => {
    const store = await openStore(redis.url)
    await ready(store)
    const key = aKey()
    await store.put(key, 'a')

    await redis.cli('SCRIPT', 'FLUSH')

    const outcomes = await Promise.all([store.put(key, 'b'), store.increment(aKey(), 60), store.consume(key, 'me')])
    expect(outcomes).toEqual(['stored', expect.objectContaining({ count: 1 }), { outcome: 'won' }])
  })

  it('follows a log through cut connections: nothing lost, nothing twice', async () => {
    const store = await openStore(proxy.url)
    const writer = await openStore(redis.url, { prefix: prefixOf(store) })
    await Promise.all([ready(store), ready(writer)])
    const [log, heard] = [`log-${randomUUID()}`, [] as string[]]
    const stop = store.follow(log, undefined, ({ value }) => void heard.push(value))
    onTestFinished(stop)

    const values = Array.from({ length: 60 }, (_, i) => `${i}`)
    for (const [i, value] of values.entries()) {
      await writer.append(log, value, 60)
      if (i % 20 === 10) proxy.reset()
    }

    await vi.waitFor(() => expect(heard).toEqual(values), within(2 * BACK_WITHIN_MS))
  })

  it('shares one round trip among the calls of a turn', async () => {
    const store = await openStore(proxy.url)
    await ready(store)
    const keys = Array.from({ length: 50 }, () => aKey())
    await Promise.all(keys.map((key) => store.put(key, 'x')))
    proxy.delay(50)
    const startedAt = performance.now()

    await Promise.all(keys.map((key) => store.get(key)))

    expectFigure('ms for fifty reads, 100 ms away', performance.now() - startedAt, 50 * 2 * 3)
  })

  it('answers StoreUnavailable when Redis has no memory left, rather than forget anything', async () => {
    const small = await startRedis({ settings: ['--maxmemory', '3mb', '--maxmemory-policy', 'noeviction'] })
    onTestFinished(() => small.close())
    const store = await openStore(small.url)
    await ready(store)
    const key = aKey()
    await store.put(key, 'kept')

    const puts = Array.from({ length: 40 }, () => store.put(aKey(), 'x'.repeat(100_000)))
    const outcomes = await Promise.allSettled(puts)

    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(refused.length).toBeGreaterThan(0)
    expect(refused[0]?.reason).toMatchObject({ code: 'store_unavailable', detail: expect.stringContaining('OOM') })
    expect((await store.get(key))?.value).toBe('kept')
  })

  it('is never ready while Redis may evict, says so in one sentence, and is when that is corrected', async () => {
    const evicting = await startRedis({ settings: ['--maxmemory-policy', 'allkeys-lru'] })
    onTestFinished(() => evicting.close())
    const store = await openStore(evicting.url)

    await vi.waitFor(() => expect(store.status().silentMs).toBeLessThan(FAILS_WITHIN_MS), within(FAILS_WITHIN_MS))
    expect(store.status()).toMatchObject({
      ready: false,
      problem:
        'Redis runs with maxmemory-policy allkeys-lru, under which it may lose used codes and revoked tokens: set maxmemory-policy noeviction.',
    })

    await evicting.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    await ready(store)
  })

  it('learns the policy from INFO where CONFIG is forbidden', async () => {
    const settings = ['--rename-command', 'CONFIG', '', '--maxmemory-policy', 'volatile-ttl']
    const hosted = await startRedis({ settings })
    onTestFinished(() => hosted.close())
    const store = await openStore(hosted.url)

    await vi.waitFor(() => expect(store.status().problem).toContain('volatile-ttl'), within(FAILS_WITHIN_MS))
  })

  it('tells neither right nor wrong password in any error or status', async () => {
    const guarded = await startRedis({ password: 'right-secret' })
    onTestFinished(() => guarded.close())
    const [allowed, refused] = await Promise.all(
      ['right-secret', 'wrong-secret'].map((password) => openStore(`redis://:${password}@127.0.0.1:${guarded.port}`)),
    )

    await ready(allowed as Store)
    const cause: unknown = await refused?.get(aKey()).catch((error: unknown) => error)
    expect(cause).toMatchObject({ code: 'store_unavailable' })
    expect(refused?.status().problem).toMatch(/WRONGPASS/)
    expect(JSON.stringify([cause, refused?.status()]) + String((cause as Error).stack)).not.toContain('secret')
  })
})

describeWithRedis('what the Redis store leaves in Redis', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.close())

  it('has a physical time to live wherever it has an end, and none where it has none', async () => {
    const prefix = aPrefix()
    const store = await openStore(redis.url, { prefix })
    await ready(store)
    const [code, next, index, links] = [aKey(), aKey(), aKey('index'), aKey('links')]
    await store.put(code, 'x', { ttlSeconds: 60, memberOf: index, refs: [next] })
    await store.consume(code, 'me', {
      note: 'sealed',
      noteSeconds: 5,
      successor: { key: next, value: 'x', options: { ttlSeconds: 90, memberOf: index } },
    })
    await store.increment(aKey('counter'), 60)
    await store.link(links, 'member', 60)
    await store.append('audit', 'x', 60)
    await store.append('audit', 'x', 30)
    const staying = aKey('account')
    await store.put(staying, 'x')

    const lives = await livesOf(redis, prefix)

    expect(lives.get(staying)).toBe(-1)
    lives.delete(staying)
    // A log is kept for longer, since clocks differ.
    expect(lives.get('log:{log}:audit')).toBeGreaterThan(CLOCKS_DIFFER_MS)
    lives.delete('log:{log}:audit')
    expect(lives.size).toBe(5)
    for (const life of lives.values()) expect(life).toBeGreaterThan(50_000)
    for (const life of lives.values()) expect(life).toBeLessThanOrEqual(90_000)
  })

  it('keeps a replay marker beyond its life, since another Redis may have another clock', async () => {
    const prefix = aPrefix()
    const store = await openStore(redis.url, { prefix })
    await ready(store)
    const marker = aKey('jti')

    await store.put(marker, 'x', { ttlSeconds: 60, ifAbsent: true })

    expect((await livesOf(redis, prefix)).get(marker)).toBeGreaterThan(CLOCKS_DIFFER_MS + 50_000)
  })

  it('lets an index of entries without end stay', async () => {
    const prefix = aPrefix()
    const store = await openStore(redis.url, { prefix })
    await ready(store)
    const index = aKey('index')
    await store.put(aKey(), 'x', { ttlSeconds: 60, memberOf: index })
    await store.put(aKey(), 'x', { memberOf: index })
    await store.put(aKey(), 'x', { ttlSeconds: 60, memberOf: index })

    expect((await livesOf(redis, prefix)).get(index)).toBe(-1)
  })

  it('does not grow with an index whose members have expired', async () => {
    const [clock, prefix] = [movableClock(Date.now()), aPrefix()]
    const store = await openStore(redis.url, { clock, prefix })
    await ready(store)
    const index = aKey('index')
    for (let i = 0; i < 200; i++) {
      await store.link(index, `member ${i}`, 10)
      clock.moveSeconds(1)
    }

    expect(Number(await redis.cli('ZCARD', prefix + index))).toBeLessThanOrEqual(11)
  })

  it('makes a log shorter with every append, once its oldest have expired by every clock', async () => {
    const prefix = aPrefix()
    const store = await openStore(redis.url, { prefix })
    await ready(store)
    const log = `${prefix}log:{log}:audit`
    const longExpired = String(Date.now() - CLOCKS_DIFFER_MS - 60_000)
    for (let i = 0; i < 30; i++) await redis.cli('XADD', log, '*', 'value', 'x', 'expires', longExpired)

    for (let i = 0; i < 20; i++) await store.append('audit', 'x', 10)

    expect(Number(await redis.cli('XLEN', log))).toBe(20)
  })

  it('[B4] loses no live entry of a log to a node whose clock is wrong', async () => {
    const prefix = aPrefix()
    const good = await openStore(redis.url, { prefix })
    await ready(good)
    await good.append('revocations', 'alive', 60)
    for (const hours of [-1, 1]) {
      const wrong = await openStore(redis.url, { prefix, clock: () => Date.now() + hours * 3_600_000 })
      for (let i = 0; i < 5; i++) await wrong.append('revocations', 'x', 60)
    }

    const entries = await good.read('revocations', undefined, 100)

    expect(entries.map(({ value }) => value)).toContain('alive')
  })
})

describeWithRedis('[F21, F26, F28] the Redis store when nodes change', () => {
  it('continues with the new primary, without a restart, and has what was replicated', async () => {
    const redis = await startSentinel({ replicas: 2 })
    onTestFinished(() => redis.close())
    const store = await openStore(redis.url)
    await ready(store)
    const key = aKey()
    await store.put(key, 'x')
    await store.consume(key, 'me')

    await redis.primary.kill()

    await vi.waitFor(async () => expect(await store.put(aKey(), 'x')).toBe('stored'), within(20_000))
    expect(await store.consume(key, 'you')).toMatchObject({ outcome: 'lost' })
    await ready(store)
  })

  it('is not ready while the Cluster lacks a primary, answers fast for its slots, and recovers', async () => {
    const redis = await startCluster()
    onTestFinished(() => redis.close())
    const store = await openStore(redis.url, { replicas: 0 })
    await ready(store)
    await redis.nodes[0]?.kill()

    await vi.waitFor(() => expect(store.status().ready).toBe(false), within(BACK_WITHIN_MS))
    const keys = Array.from({ length: 30 }, (_, i) => aKey('kind', `s${i}`))
    const startedAt = performance.now()
    const outcomes = await Promise.allSettled(keys.map((key) => store.get(key)))
    expectFigure('ms until reads fail', performance.now() - startedAt, FAILS_WITHIN_MS)
    expect(outcomes.some(({ status }) => status === 'rejected')).toBe(true)

    await redis.nodes[0]?.restart()
    await ready(store, 15_000)
    // The other nodes hear of it one after the other, and answer CLUSTERDOWN until they have.
    await vi.waitFor(() => Promise.all(keys.map((key) => store.put(key, 'x'))), within(BACK_WITHIN_MS))
  })

  it('loses no call while slots move', async () => {
    const redis = await startCluster()
    onTestFinished(() => redis.close())
    const store = await openStore(redis.url, { replicas: 0 })
    await ready(store)
    const [from, to] = await Promise.all([
      redis.nodes[0]?.cli('CLUSTER', 'MYID'),
      redis.nodes[1]?.cli('CLUSTER', 'MYID'),
    ])
    const moving = redis.reshard(from ?? '', to ?? '', 500)
    let hasMoved = false
    const noteMoved = () => {
      hasMoved = true
    }
    moving.then(noteMoved, noteMoved)

    let calls = 0
    while (!hasMoved) {
      const keys = Array.from({ length: 50 }, () => aKey('kind', randomUUID().slice(0, 4)))
      await Promise.all(keys.map((key) => store.put(key, key, { memberOf: key.replace('kind', 'index') as Key })))
      const entries = await store.getMany(keys)
      expect(entries.map((entry) => entry?.value)).toEqual(keys)
      calls += 100
    }

    await moving
    expect(calls).toBeGreaterThan(100)
  })
})

const prefixes = new WeakMap<Store, string>()

async function openStore(
  url: string,
  {
    clock = systemClock,
    monotonic = monotonicClock,
    prefix = aPrefix(),
    replicas,
  }: { clock?: Clock; monotonic?: Clock; prefix?: string; replicas?: number } = {},
): Promise<Store> {
  const store = await openRedisStore({ url, clock, monotonic, prefix, replicas })
  prefixes.set(store, prefix)
  onTestFinished(() => store.close())
  return store
}

function prefixOf(store: Store): string {
  return prefixes.get(store) ?? ''
}

function aKey(kind = 'kind', shard = 'aa'): Key {
  return `${kind}:{${shard}}:${randomUUID()}`
}

async function ready(store: Store, withinMs = BACK_WITHIN_MS): Promise<void> {
  await vi.waitFor(() => expect(store.status()).toMatchObject({ ready: true }), within(withinMs))
}

async function expectEveryVerbToFail(store: Store): Promise<void> {
  const startedAt = performance.now()
  await Promise.all(
    everyVerb(store, aKey()).map((call) => expect(call()).rejects.toMatchObject({ code: 'store_unavailable' })),
  )
  expectFigure('ms until every verb fails', performance.now() - startedAt, FAILS_WITHIN_MS)
}

const OF_THE_NODE = /^(probe.*|beat|clocks|lineage):/

/** The physical time to live in ms of every key that was asked for under the prefix, by its name without it. */
async function livesOf(redis: RedisServer, prefix: string): Promise<Map<string, number>> {
  const keys = (await redis.cli('--scan', '--pattern', `${prefix}*`))
    .split('\n')
    .filter((key) => !OF_THE_NODE.test(key.slice(prefix.length)))
  const lives = await Promise.all(keys.map((key) => redis.cli('PTTL', key)))
  return new Map(keys.map((key, i) => [key.slice(prefix.length), Number(lives[i])]))
}
