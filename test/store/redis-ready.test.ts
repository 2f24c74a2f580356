/** Ready means writable: what a real Redis refuses shows in the status, in one sentence, and is gone when it is mended. */

import { randomUUID } from 'node:crypto'
import { expect, it, onTestFinished, vi } from 'vitest'

import { type Clock, systemClock } from '../../src/base/clock.ts'
import { judgeClocks } from '../../src/store/redis/health/clocks.ts'
import { openRedisStore } from '../../src/store/redis/redis-store.ts'
import type { Key, Store } from '../../src/store/store.ts'
import { aPrefix, describeWithRedis, type RedisServer, startRedis } from '../support/redis.ts'

const WAIT = { timeout: 20_000 }

interface Refusal {
  readonly what: string
  readonly refuse: (redis: RedisServer) => Promise<unknown>
  readonly mend: (redis: RedisServer) => Promise<unknown>
  readonly says: RegExp
}

const ALL = ['ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all']

const FORBIDDEN = /forbids the user in REDIS_URL .*docs\/redis\.md/

const REFUSALS: readonly Refusal[] = [
  {
    what: 'its user may only read',
    refuse: (redis) => redis.cli('ACL', 'SETUSER', 'app', '-@write'),
    mend: (redis) => redis.cli(...ALL),
    says: FORBIDDEN,
  },
  {
    what: 'its user may not run scripts',
    refuse: (redis) => redis.cli('ACL', 'SETUSER', 'app', '-@scripting'),
    mend: (redis) => redis.cli(...ALL),
    says: FORBIDDEN,
  },
  ...['hset', 'xadd', 'xrange', 'zadd', 'zrangebyscore', 'hincrby', 'hmget', 'info'].map((command) => ({
    what: `its user may not use ${command}`,
    refuse: (redis: RedisServer) => redis.cli('ACL', 'SETUSER', 'app', `-${command}`),
    mend: (redis: RedisServer) => redis.cli(...ALL),
    says: FORBIDDEN,
  })),
  {
    what: 'its user may not use the keys',
    refuse: (redis) => redis.cli('ACL', 'SETUSER', 'app', 'resetkeys', '~elsewhere:*'),
    mend: (redis) => redis.cli(...ALL),
    says: FORBIDDEN,
  },
  {
    what: 'it has become a replica',
    refuse: (redis) => redis.cli('REPLICAOF', '127.0.0.1', '1'),
    mend: (redis) => redis.cli('REPLICAOF', 'NO', 'ONE'),
    says: /leads to a replica .*name the primary/,
  },
  {
    what: 'it wants replicas that it has not',
    refuse: (redis) => redis.cli('CONFIG', 'SET', 'min-replicas-to-write', '1'),
    mend: (redis) => redis.cli('CONFIG', 'SET', 'min-replicas-to-write', '0'),
    says: /too few good replicas .*min-replicas-to-write/,
  },
]

describeWithRedis('[B6] the Redis store is not ready, and says why,', () => {
  it.each(REFUSALS)('when $what', async ({ refuse, mend, says }) => {
    const redis = await startRedis()
    onTestFinished(() => redis.close())
    await redis.cli(...ALL)
    const store = await openOn(`redis://app:secret@127.0.0.1:${redis.port}`)
    await ready(store)

    await refuse(redis)

    await vi.waitFor(() => expect(store.status()).toMatchObject({ ready: false }), WAIT)
    expect(store.status().problem).toMatch(says)
    expect(store.status().problem).not.toContain('secret')
    await mend(redis)
    await ready(store)
  })

  it('when there is no connection left for it', async () => {
    const redis = await startRedis()
    onTestFinished(() => redis.close())
    // One is that of redis-cli itself.
    await openOn(redis.url).then(ready)
    await redis.cli('CONFIG', 'SET', 'maxclients', '1')

    const late = await openOn(redis.url)

    expect(late.status()).toMatchObject({ ready: false, problem: expect.stringMatching(/maxclients/) })
  })
})

describeWithRedis('[B6] a Redis that is nearly full', () => {
  it('has no room for more than endings, which go on at maxmemory, and has room again when some is freed', async () => {
    const redis = await startRedis({ settings: ['--maxmemory-policy', 'noeviction'] })
    onTestFinished(() => redis.close())
    const store = await openOn(redis.url)
    await ready(store)
    const [index, code, grant, session] = [aKey('index'), aKey(), aKey('grant'), aKey('session')]
    for (const key of [code, session]) await store.put(key, 'x')
    await store.put(grant, 'x', { memberOf: index })
    await redis.cli('CONFIG', 'SET', 'maxmemory', '1')

    const noRoom = { ready: true, hasRoom: false, problem: expect.stringMatching(/nearly full.*Raise maxmemory/) }
    await vi.waitFor(() => expect(store.status()).toMatchObject(noRoom), WAIT)
    await expect(store.put(aKey(), 'x')).rejects.toMatchObject({ code: 'store_unavailable' })
    await store.append('revocations', 'x', 60)
    expect(await store.consume(code, 'me')).toEqual({ outcome: 'won' })
    expect(await store.take(session)).toBe('x')
    await store.removeMembers(index, [code])
    await store.remove([grant])
    expect((await store.read('revocations', undefined, 10)).map(({ value }) => value)).toEqual(['x'])
    expect(await store.get(grant)).toBeUndefined()

    await redis.cli('CONFIG', 'SET', 'maxmemory', '0')
    await vi.waitFor(() => expect(store.status()).toMatchObject({ ready: true, hasRoom: true }), WAIT)
    expect(await store.put(aKey(), 'x')).toBe('stored')
  })

  it('stops before it is full, so that endings find room', async () => {
    const redis = await startRedis({ settings: ['--maxmemory', '24mb', '--maxmemory-policy', 'noeviction'] })
    onTestFinished(() => redis.close())
    const store = await openOn(redis.url)
    await ready(store)

    await vi.waitFor(async () => {
      await store.put(aKey(), 'x'.repeat(500_000))
      expect(store.status()).toMatchObject({ ready: true, hasRoom: false })
    }, WAIT)

    const [used = 0, limit = 0] = await memoryOf(redis)
    expect(limit - used).toBeGreaterThan(0)
  })
})

describeWithRedis('nodes on one Redis', () => {
  it('are told which of them has a wrong clock; it is not ready until its clock is right', async () => {
    const redis = await startRedis()
    onTestFinished(() => redis.close())
    const prefix = aPrefix()
    let aheadMs = 0
    const stepping = () => Date.now() + aheadMs
    const [good, wrong] = [await openOn(redis.url, { prefix }), await openOn(redis.url, { prefix, clock: stepping })]
    await Promise.all([ready(good), ready(wrong)])

    for (const minutes of [10, -10]) {
      aheadMs = minutes * 60_000
      await vi.waitFor(() => expect(wrong.status()).toMatchObject({ ready: false }), WAIT)
      expect(wrong.status().problem).toMatch(
        minutes > 0 ? /^The clock of this server is (600|599) s ahead of/ : /^The clock .* (600|601) s behind/,
      )
      expect(good.status()).toMatchObject({ ready: true })
      aheadMs = 0
      await ready(wrong)
    }
  })
})

it.each([
  { title: 'nodes that agree with Redis', own: 0, others: [2000, -3000], verdict: {} },
  { title: 'differences of 15 s', own: 15_000, others: [-15_000, 0], verdict: {} },
  { title: 'one of three that is wrong', own: 600_000, others: [0, 100], verdict: { own: 600_000 - 100 } },
  { title: 'two of three that are right', own: 0, others: [600_000, 100], verdict: {} },
  { title: 'one of two that is wrong', own: -600_000, others: [0], verdict: { own: -600_000 } },
  { title: 'Redis that is wrong', own: 600_000, others: [600_500, 599_000], verdict: { redis: -600_000 } },
  { title: 'one node and Redis that differ', own: 600_000, others: [], verdict: {} },
  { title: 'two that agree against two', own: 600_000, others: [600_000, 0, 0], verdict: {} },
])('of clocks, $title: says who is off by how much from the majority', ({ own, others, verdict }) => {
  expect(judgeClocks(own, others)).toEqual(verdict)
})

async function openOn(
  url: string,
  { prefix = aPrefix(), clock = systemClock }: { prefix?: string; clock?: Clock } = {},
): Promise<Store> {
  const store = await openRedisStore({ url, clock, prefix })
  onTestFinished(() => store.close())
  return store
}

async function ready(store: Store): Promise<void> {
  await vi.waitFor(() => expect(store.status()).toMatchObject({ ready: true }), WAIT)
}

async function memoryOf(redis: RedisServer): Promise<number[]> {
  const info = await redis.cli('INFO', 'memory')
  return ['used_memory', 'maxmemory'].map((name) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]))
}

function aKey(kind = 'kind'): Key {
  return `${kind}:{aa}:${randomUUID()}`
}

describeWithRedis('a single Redis', () => {
  it.each([
    { appendOnly: 'no', fsync: 'always', says: /no append-only file.*Set appendonly yes/ },
    { appendOnly: 'yes', fsync: 'everysec', says: /appendfsync everysec: .*up to two seconds/ },
    { appendOnly: 'yes', fsync: 'no', says: /appendfsync no: .*half a minute/ },
    { appendOnly: 'yes', fsync: 'always', says: undefined },
  ])('with appendonly $appendOnly and appendfsync $fsync: says what a crash may lose', async (setting) => {
    const { appendOnly, fsync, says } = setting
    const redis = await startRedis({ settings: ['--appendonly', appendOnly, '--appendfsync', fsync] })
    onTestFinished(() => redis.close())
    const store = await openOn(redis.url)
    await ready(store)

    expect(store.status().advice).toEqual(says && [expect.stringMatching(says)])
  })
})
