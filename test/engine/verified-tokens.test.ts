import { describe, expect, it } from 'vitest'

import { createVerifiedTokens, type VerifiedToken } from '../../src/engine/access-tokens/verified-tokens.ts'
import { movableClock } from '../support/movable-clock.ts'
import { type Running, start } from '../support/start.ts'
import { callEndpoint, createUserAgent, newPkce, redeem, signIn } from '../support/user-agent.ts'

describe('a token that was verified before', () => {
  it('is forgotten at its end', () => {
    const clock = movableClock()
    const tokens = createVerifiedTokens({ clock })
    tokens.remember('a.b.c', until(clock() / 1000 + 600))

    expect(tokens.find('a.b.c')).toBeDefined()
    clock.moveSeconds(600)
    expect(tokens.find('a.b.c')).toBeUndefined()
    clock.moveSeconds(-600)
    expect(tokens.find('a.b.c')).toBeUndefined()
  })

  it('is no other token', () => {
    const clock = movableClock()
    const tokens = createVerifiedTokens({ clock })
    tokens.remember('a.b.c', until(clock() / 1000 + 600))

    for (const other of ['a.b.d', 'a.b.c.', 'a.b', 'a.B.c', '']) expect(tokens.find(other)).toBeUndefined()
  })

  it('gives way to others when it is used least', () => {
    const clock = movableClock()
    const tokens = createVerifiedTokens({ clock, most: 2 })
    const verified = until(clock() / 1000 + 600)
    tokens.remember('first', verified)
    tokens.remember('second', verified)
    tokens.find('first')
    tokens.remember('third', verified)

    expect(['first', 'second', 'third'].filter((token) => tokens.find(token))).toEqual(['first', 'third'])
  })
})

function until(exp: number): VerifiedToken {
  const claims = { iss: 'i', aud: 'a', sub: 's', client_id: 'c', jti: 'j', iat: exp - 600, exp }
  return { claims, keyId: 'k', isShared: false }
}

describe('userinfo for a token that it has seen', () => {
  it('refuses it once its grant has ended', async () => {
    await withSeenToken(async ({ running, accessToken, refreshToken }) => {
      await callEndpoint(`${running.issuer}/revoke`, { token: refreshToken, client_id: 'demo-spa' })

      expect((await userinfo(running, accessToken)).status).toBe(401)
    })
  })

  it('refuses it once its account is disabled', async () => {
    await withSeenToken(async ({ running, accessToken }) => {
      const [node] = running.nodes
      const account = await node?.accounts.findAccountByLogin('alice@example.com')
      await node?.accounts.disable(account?.id ?? '')

      expect((await userinfo(running, accessToken)).status).toBe(401)
    })
  })

  it('refuses it once it has expired', async () => {
    await withSeenToken(async ({ running, accessToken, clock }) => {
      clock.moveSeconds(600 + 15)

      expect((await userinfo(running, accessToken)).status).toBe(401)
    })
  })

  it('refuses it with another signature', async () => {
    await withSeenToken(async ({ running, accessToken }) => {
      const [header, payload, signature = ''] = accessToken.split('.')
      const flipped = (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1)

      expect((await userinfo(running, `${header}.${payload}.${flipped}`)).status).toBe(401)
    })
  })
})

interface Seen {
  readonly running: Running
  readonly clock: ReturnType<typeof movableClock>
  readonly accessToken: string
  readonly refreshToken: string
}

async function withSeenToken(work: (seen: Seen) => Promise<void>): Promise<void> {
  const clock = movableClock(Date.now())
  const running = await start({ clock })
  try {
    const pkce = newPkce()
    const answer = await signIn(createUserAgent(running), pkce)
    const { body } = await redeem(running.issuer, answer.get('code') ?? '', pkce)
    const { access_token: accessToken = '', refresh_token: refreshToken = '' } = body
    expect((await userinfo(running, accessToken)).status).toBe(200)

    await work({ running, clock, accessToken, refreshToken })
  } finally {
    await running.close()
  }
}

function userinfo({ issuer }: Running, accessToken: string): Promise<Response> {
  return fetch(`${issuer}/userinfo`, { headers: { authorization: `Bearer ${accessToken}` } })
}
