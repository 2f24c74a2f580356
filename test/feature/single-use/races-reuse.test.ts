/**
 * A refresh token that comes back: again at once, again too late, again from another client.
 *
 * The date is moved for ourselves and for the engine alike, which has no clock that could be handed to it.
 */

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'

import { describeWithRedis, type RedisServer, startRedis } from '../../support/redis.ts'
import { type Running, start } from '../../support/start.ts'
import * as application from '../../support/user-agent.ts'
import { createUserAgent, newPkce, signIn, type TokenAnswer } from '../../support/user-agent.ts'
import { within } from '../../support/figures.ts'

const WINDOW_SECONDS = 5
const REDIRECT_URI = 'http://localhost:4999/callback'

describe('a used refresh token in the embedded store', () => usedRefreshToken(async () => undefined, bytesInFile))

describeWithRedis('a used refresh token in Redis', () => {
  let redis: RedisServer
  afterAll(() => redis?.close())
  usedRefreshToken(
    async () => {
      redis = await startRedis()
      return redis.url
    },
    () => bytesIn(redis),
  )
})

function usedRefreshToken(
  openRedis: () => Promise<string | undefined>,
  bytesKept: (app: Running) => Promise<number>,
): void {
  let app: Running
  beforeAll(async () => {
    const redisUrl = await openRedis()
    app = await start({
      nodes: 2,
      ...(redisUrl !== undefined && { redisUrl }),
      clients: [{ clientId: 'strict', refreshIdempotentSeconds: 0, redirectUris: [REDIRECT_URI], firstParty: true }],
    })
  })
  afterAll(() => app.close())
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('[S60] gives its client the same successor again, on any node, until the window ends', async () => {
    const first = await signedIn(app)
    const second = await refresh(app.urls[0] as string, first)
    await moveSeconds(app, WINDOW_SECONDS - 1)

    const again = await refresh(app.urls[1] as string, first)

    expect(again.status).toBe(200)
    expect(again.body.refresh_token).toBe(second.body.refresh_token)
    expect((await refresh(app.urls[0] as string, refreshTokenOf(second))).status).toBe(200)
  })

  it('[S59] ends the whole family when it comes back after the window', async () => {
    const first = await signedIn(app)
    const second = await refresh(app.urls[0] as string, first)
    const third = await refresh(app.urls[0] as string, refreshTokenOf(second))
    await moveSeconds(app, WINDOW_SECONDS + 1)

    const reused = await refresh(app.urls[1] as string, first)

    expect(reused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    const after = await refresh(app.urls[0] as string, refreshTokenOf(third))
    expect(after).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    expect(await userinfoStatus(app.urls[0] as string, third)).toBe(401)
  })

  it('[S61] ends the family in the same second when the client has no window', async () => {
    const first = await signedIn(app, 'strict')
    const second = await refresh(app.urls[0] as string, first, 'strict')
    expect(second.status).toBe(200)

    const reused = await refresh(app.urls[1] as string, first, 'strict')

    expect(reused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    const after = await refresh(app.urls[0] as string, refreshTokenOf(second), 'strict')
    expect(after).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  })

  it.each([
    ['plainly', (url: string, token: string) => refresh(url, token), 400],
    ['asking for a scope', (url: string, token: string) => refresh(url, token, 'demo-spa', { scope: 'openid' }), 400],
    ['to be revoked', revoke, 200],
  ])('[B24] ends the family when it comes back after hours, %s', async (_how, present, status) => {
    const first = await signedIn(app)
    let last = await refresh(app.urls[0] as string, first)
    for (let count = 0; count < 5; count++) {
      await moveSeconds(app, 4 * 3600)
      last = await refresh(app.urls[count % 2] as string, refreshTokenOf(last))
    }

    expect((await present(app.urls[1] as string, first)).status).toBe(status)

    const after = await refresh(app.urls[0] as string, refreshTokenOf(last))
    expect(after).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    expect(await userinfoStatus(app.urls[0] as string, last)).toBe(401)
  })

  it('[B24] of another client, or made up, ends nothing', async () => {
    const first = await signedIn(app)
    const second = await refresh(app.urls[0] as string, first)
    await moveSeconds(app, 3600)
    const madeUp = `${first.slice(0, 30)}${'A'.repeat(first.length - 30)}`

    expect((await refresh(app.urls[0] as string, first, 'strict')).status).toBe(400)
    expect((await refresh(app.urls[0] as string, madeUp)).status).toBe(400)

    expect((await refresh(app.urls[0] as string, refreshTokenOf(second))).status).toBe(200)
  })

  it('[B24] takes a few dozen bytes, so that two weeks of refreshes hold well under 300 KB', async () => {
    let last = await signedIn(app)
    const refreshes = async (count: number) => {
      for (let i = 0; i < count; i++) {
        await moveSeconds(app, 600)
        last = refreshTokenOf(await refresh(app.urls[0] as string, last))
      }
    }
    await refreshes(20)
    const before = await bytesKept(app)

    await refreshes(100)

    // 14 days of one every ten minutes are 2,016.
    await vi.waitFor(async () => expect(((await bytesKept(app)) - before) / 100).toBeLessThan(100), within(20_000))
  })

  it('within the window gives another client nothing, and its own client loses nothing by it', async () => {
    const first = await signedIn(app)
    const second = await refresh(app.urls[0] as string, first)

    const stolen = await refresh(app.urls[1] as string, first, 'strict')

    expect(stolen).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    expect((await refresh(app.urls[0] as string, refreshTokenOf(second))).status).toBe(200)
  })
}

/** Pages in use of the file, whatever its size. */
async function bytesInFile({ dataDir }: Running): Promise<number> {
  const database = new DatabaseSync(join(dataDir, 'grantor.db'), { readOnly: true })
  const pragma = (name: string) => Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0])
  const bytes = (pragma('page_count') - pragma('freelist_count')) * pragma('page_size')
  database.close()
  return bytes
}

/** Of the keys that stay for more than a minute. */
async function bytesIn(redis: RedisServer): Promise<number> {
  const sum = `
    local bytes = 0
    for _, key in ipairs(redis.call('KEYS', '*')) do
      local left = redis.call('PTTL', key)
      if left < 0 or left > 60000 then bytes = bytes + redis.call('MEMORY', 'USAGE', key, 'SAMPLES', 0) end
    end
    return bytes`
  return Number(await redis.cli('EVAL', sum, '0'))
}

function revoke(url: string, token: string): Promise<Response> {
  const body = new URLSearchParams({ client_id: 'demo-spa', token })
  return answered(() => fetch(`${url}/revoke`, { method: 'POST', body }))
}

async function signedIn(app: Running, clientId = 'demo-spa'): Promise<string> {
  const pkce = newPkce()
  const options = clientId === 'demo-spa' ? {} : { clientId, redirectUri: REDIRECT_URI, scope: 'openid' }
  const callback = await vi.waitFor(() => signIn(createUserAgent(app), pkce, options), within(5000))
  const code = callback.get('code') ?? ''
  const redeem = () => application.redeem(app.urls[0] as string, code, pkce, options)
  return refreshTokenOf(await answered(redeem))
}

function refreshTokenOf({ body }: TokenAnswer): string {
  if (body.refresh_token === undefined) throw new Error(`no refresh token: ${JSON.stringify(body)}`)
  return body.refresh_token
}

async function userinfoStatus(url: string, { body }: TokenAnswer): Promise<number> {
  const headers = { authorization: `Bearer ${body.access_token}` }
  const response = await answered(() => fetch(`${url}/userinfo`, { headers }))
  return response.status
}

/** Moves the date of both nodes. */
async function moveSeconds({ urls }: Running, seconds: number): Promise<void> {
  vi.setSystemTime(Date.now() + seconds * 1000)
  for (const url of urls) await answered(() => fetch(`${url}/userinfo`))
}

function refresh(...asked: Parameters<typeof application.refresh>): Promise<TokenAnswer> {
  return answered(() => application.refresh(...asked))
}

/**
 * Asks again while the answer is 503: a node whose date has moved takes nothing until it has heard of its store again, and
 * on Redis until both nodes have compared their clocks.
 */
async function answered<Answer extends { readonly status: number }>(ask: () => Promise<Answer>): Promise<Answer> {
  let answer: Answer | undefined
  const status = async () => {
    answer = await ask()
    return answer.status
  }
  await expect.poll(status, within(5000)).not.toBe(503)
  return answer as Answer
}
