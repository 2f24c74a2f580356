/**
 * The store is away: nothing is issued, no token is called valid, no request waits, and everything works again when it
 * is back.
 */

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'

import { describeWithRedis, type RedisServer, startRedis } from '../../support/redis.ts'
import { startProcesses } from '../../support/server-process.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import { authorizationUrl, createUserAgent, newPkce, signIn } from '../../support/user-agent.ts'
import { type Answer, type OutageRequests, type Sends, startForOutage } from './outage-requests.ts'
import { expectFigure, within } from '../../support/figures.ts'

const PATIENCE_MS = 3000

describe('an embedded file that cannot be written', () => {
  it('issues nothing, answers 503 in time, and continues by itself', async () => {
    const { app, requests } = await startForOutage({})
    onTestFinished(() => app.close())
    const { 'an authorization': authorization, 'the login form': login } = requests.pages
    const lock = new DatabaseSync(join(app.dataDir, 'grantor.db'))
    lock.exec('BEGIN IMMEDIATE')

    expect((await requests.machineToken()).status).toBe(200)
    await expectUnavailable(requests.writes)
    await expectUnavailablePages({ authorization, login } as Sends)
    expect((await requests.ready()).status).toBe(503)
    await expectUnavailable({ 'a machine token': requests.machineToken })
    await expectGood(requests.documents)

    lock.exec('ROLLBACK')
    lock.close()
    await untilReady(requests)
    await expectGood(requests.writes)
  })
})

const OUTAGES: Readonly<Record<string, (redis: RedisServer) => Promise<() => Promise<void>>>> = {
  '[F32] that was killed': async (redis) => {
    await redis.kill()
    return () => redis.restart()
  },
  '[F31] that takes connections and says nothing': async (redis) => {
    redis.pause()
    return async () => redis.resume()
  },
}

describeWithRedis('Redis', () => {
  it.for(Object.entries(OUTAGES))('%s: all is refused in time, and all is well when it is back', async ([, outage]) => {
    const redis = await startRedis({ appendOnly: true })
    onTestFinished(() => redis.close())
    const { app, requests } = await startForOutage({ redisUrl: redis.url })
    onTestFinished(() => app.close())

    const endOutage = await outage(redis)
    // At first each request meets the silence itself; later the server knows.
    for (let time = 0; time < 2; time++) {
      await expectUnavailable({ ...requests.writes, ...requests.lookUps })
      await expectUnavailablePages(requests.pages)
    }
    expect(await requests.ready()).toMatchObject({
      status: 503,
      text: expect.stringContaining('Redis does not answer'),
    })
    // It needs no store, but what cannot be recorded as ended is not issued.
    await expectUnavailable({ 'a machine token': requests.machineToken })
    await expectGood(requests.documents)

    await endOutage()
    await untilReady(requests)
    await expectGood({ ...requests.writes, ...requests.lookUps, 'a machine token': requests.machineToken })
  })

  it('[B5] that was killed: nothing is issued either when the clock is stepped back meanwhile', async () => {
    const redis = await startRedis({ appendOnly: true })
    onTestFinished(() => redis.close())
    let behindMs = 0
    const clock = () => Date.now() - behindMs
    const { app, requests } = await startForOutage({ redisUrl: redis.url, clock })
    onTestFinished(() => app.close())
    await redis.kill()
    await expect.poll(async () => (await requests.machineToken()).status, { timeout: 10_000 }).toBe(503)

    behindMs = 600_000

    await expectUnavailable({ 'a machine token': requests.machineToken })
  })

  it('[D] is logged in one line when it goes away and one when it is back, without a stack, whatever is requested meanwhile', async () => {
    const redis = await startRedis({ appendOnly: true })
    onTestFinished(() => redis.close())
    const nodes = await startProcesses({ redisUrls: [redis.url] })
    onTestFinished(() => nodes.close())
    const [server] = nodes.servers
    const events = () => (server?.output ?? []).flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []))
    const named = (name: string) => events().filter(({ event }) => event === name)
    const timeOf = (name: string) => Date.parse(named(name).at(-1)?.time ?? '')

    await redis.kill()
    // Long enough for every job that looks at the store once a second.
    const awayForMs = async () => {
      await fetch(`${nodes.urls[0]}/authorize`)
      return timeOf('request_not_served') - timeOf('store_away')
    }
    await expect.poll(awayForMs, within(10_000, 50)).toBeGreaterThan(2500)
    await redis.restart()
    await expect.poll(() => named('store_usable').length, within(10_000)).toBe(1)

    expect(named('store_away')).toEqual([
      expect.objectContaining({
        level: 'error',
        problem: expect.stringMatching(/^Redis does not answer .*: start it/),
      }),
    ])
    expect(named('store_usable')).toEqual([expect.objectContaining({ was: 'away', seconds: expect.any(Number) })])
    expect(events().filter((line) => JSON.stringify(line).includes('"stack"'))).toEqual([])
  })

  it('lost when the session is written, after the answer was made: a page with 503, and no code', async () => {
    const redis = await startRedis()
    onTestFinished(() => redis.close())
    const proxy = await startTcpProxy(redis.port)
    onTestFinished(() => proxy.close())
    const nodes = await startProcesses({ redisUrls: [proxy.url] })
    onTestFinished(() => nodes.close())
    const agent = createUserAgent(nodes)
    await signIn(agent, newPkce())
    const held = proxy.hold(/"kind":"Session"/)
    const answer = agent.get(authorizationUrl(newPkce()))
    await held.reached
    proxy.pause()

    const { page } = await agent.follow(await answer)

    expect(page?.status).toBe(503)
    expect(page?.headers.get('retry-after')).toBe('2')
    expect(page?.html).toMatch(/<h1>[\s\S]*temporarily_unavailable/)
  })

  it('[F20] that may evict what it was given is not used, and the operator reads why', async () => {
    const redis = await startRedis({ settings: ['--maxmemory-policy', 'allkeys-lru'] })
    onTestFinished(() => redis.close())
    const nodes = await startProcesses({ redisUrls: [redis.url], untilListening: false })
    onTestFinished(() => nodes.close())
    const [server] = nodes.servers
    const ready = () => fetch(`${server?.opsUrl}/health/ready`).then((answer) => answer.json())

    const told = {
      status: 'not ready',
      problem: expect.stringMatching(/allkeys-lru.*set maxmemory-policy noeviction\.$/),
    }
    await expect.poll(() => ready().catch(() => undefined), within(10_000)).toEqual(told)
    expect(server?.output.join('\n')).not.toContain('"listening"')

    await redis.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    // It looks again every ten seconds, and whenever it connects.
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'normal')
    await server?.listening()
    expect(await ready()).toEqual({ status: 'ok' })
  })
})

/** All at once; a request that waits too long fails the test. */
async function sendAll(sends: Sends): Promise<(readonly [string, Answer])[]> {
  return Promise.all(
    Object.entries(sends).map(async ([name, send]) => {
      const begun = performance.now()
      const answer = await send()
      expectFigure(`ms for ${name}`, performance.now() - begun, PATIENCE_MS)
      return [name, answer] as const
    }),
  )
}

async function expectUnavailable(sends: Sends): Promise<void> {
  for (const [name, { status, retryAfter, text }] of await sendAll(sends)) {
    const { error } = JSON.parse(text) as { error: string }
    expect({ name, status, retryAfter, error }).toEqual({
      ...{ name, status: 503, retryAfter: '2', error: 'temporarily_unavailable' },
    })
  }
}

async function expectUnavailablePages(sends: Sends): Promise<void> {
  for (const [name, { status, retryAfter }] of await sendAll(sends)) {
    expect({ name, status, retryAfter }).toEqual({ name, status: 503, retryAfter: '2' })
  }
}

async function expectGood(sends: Sends): Promise<void> {
  for (const [name, { status, text }] of await sendAll(sends)) expect(status, `${name}: ${text}`).toBeLessThan(300)
}

async function untilReady({ ready }: OutageRequests): Promise<void> {
  await expect.poll(async () => (await ready()).status, within(5000, 50)).toBe(200)
}
