/**
 * A refresh token that comes back: again at once, again too late, again from somebody else.
 *
 * The date is moved for ourselves and for the engine alike, which has no clock that could be handed to it.
 */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'

import { describeWithRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { type Running, start } from '../support/start.ts'
import { createUserAgent, newPkce, redeem, refresh, signIn, type TokenAnswer } from '../support/user-agent.ts'

const WINDOW_SECONDS = 5
const REDIRECT_URI = 'http://localhost:4999/callback'

describe('a used refresh token in the embedded store', () => usedRefreshToken(async () => undefined))

describeWithRedis('a used refresh token in Redis', () => {
  let redis: RedisServer
  afterAll(() => redis?.close())
  usedRefreshToken(async () => {
    redis = await startRedis()
    return redis.url
  })
})

function usedRefreshToken(openRedis: () => Promise<string | undefined>): void {
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

  it('within the window gives another client nothing, and its own client loses nothing by it', async () => {
    const first = await signedIn(app)
    const second = await refresh(app.urls[0] as string, first)

    const stolen = await refresh(app.urls[1] as string, first, 'strict')

    expect(stolen).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    expect((await refresh(app.urls[0] as string, refreshTokenOf(second))).status).toBe(200)
  })
}

async function signedIn(app: Running, clientId = 'demo-spa'): Promise<string> {
  const pkce = newPkce()
  const options = clientId === 'demo-spa' ? {} : { clientId, redirectUri: REDIRECT_URI, scope: 'openid' }
  const callback = await signIn(createUserAgent(app), pkce, options)
  return refreshTokenOf(await redeem(app.urls[0] as string, callback.get('code') ?? '', pkce, options))
}

function refreshTokenOf({ body }: TokenAnswer): string {
  if (body.refresh_token === undefined) throw new Error(`no refresh token: ${JSON.stringify(body)}`)
  return body.refresh_token
}

async function userinfoStatus(url: string, { body }: TokenAnswer): Promise<number> {
  const response = await fetch(`${url}/userinfo`, { headers: { authorization: `Bearer ${body.access_token}` } })
  return response.status
}

/** Moves the date; a node that has not heard of its store for so long takes nothing until it has. */
async function moveSeconds({ urls }: Running, seconds: number): Promise<void> {
  vi.setSystemTime(Date.now() + seconds * 1000)
  for (const url of urls) {
    await expect.poll(async () => (await fetch(`${url}/userinfo`)).status, { timeout: 5000 }).not.toBe(503)
  }
}
