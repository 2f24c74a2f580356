import { describe, expect, it } from 'vitest'

import { createVerifiedTokens } from '../../src/engine/access-tokens/verified-tokens.ts'
import { movableClock } from '../support/movable-clock.ts'
import { type Running, start } from '../support/start.ts'
import { createUserAgent, newPkce, redeem, signIn } from '../support/user-agent.ts'

describe('a token that this node signed', () => {
  it('is known for exactly what it is', () => {
    const tokens = createVerifiedTokens({ clock: movableClock() })
    tokens.rememberOwn('a.b.c')

    expect(tokens.isOwn('a.b.c')).toBe(true)
    for (const other of ['a.b.d', 'a.b.c.', 'a.b', 'a.B.c', '']) expect(tokens.isOwn(other)).toBe(false)
  })

  it('gives way to newer ones', () => {
    const tokens = createVerifiedTokens({ clock: movableClock(), mostOwn: 2 })
    for (const token of ['first', 'second', 'third']) tokens.rememberOwn(token)

    expect(['first', 'second', 'third'].filter(tokens.isOwn)).toEqual(['second', 'third'])
  })

  it('opens userinfo at once, and with another signature not at all', async () => {
    const running = await start()
    try {
      const accessToken = await issue(running)
      const at = accessToken.lastIndexOf('.') + 1
      const signature = Buffer.from(accessToken.slice(at), 'base64url')
      signature[0] = (signature[0] ?? 0) ^ 1
      const forged = accessToken.slice(0, at) + signature.toString('base64url')

      expect(await userinfo(running, forged)).toBe(401)
      expect(await userinfo(running, accessToken)).toBe(200)
      expect(await userinfo(running, forged)).toBe(401)
    } finally {
      await running.close()
    }
  })

  it('is refused once it has expired', async () => {
    const clock = movableClock(Date.now())
    const running = await start({ clock })
    try {
      const accessToken = await issue(running)
      clock.moveSeconds(3600)

      expect(await userinfo(running, accessToken)).toBe(401)
    } finally {
      await running.close()
    }
  })
})

async function issue(running: Running): Promise<string> {
  const pkce = newPkce()
  const answer = await signIn(createUserAgent(running), pkce)
  const { body } = await redeem(running.issuer, answer.get('code') ?? '', pkce)
  return body.access_token ?? ''
}

async function userinfo({ issuer }: Running, accessToken: string): Promise<number> {
  const { status } = await fetch(`${issuer}/userinfo`, { headers: { authorization: `Bearer ${accessToken}` } })
  return status
}
