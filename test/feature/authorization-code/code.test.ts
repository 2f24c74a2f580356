import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Running, start } from '../../support/start.ts'
import { createUserAgent, newPkce, redeem, refresh, signIn } from '../../support/user-agent.ts'

describe('authorization code with PKCE', () => {
  let app: Running
  beforeAll(async () => {
    app = await start()
  })
  afterAll(() => app.close())

  it('[S41] gives a JWT access token with the claims of RFC 9068', async () => {
    const pkce = newPkce()
    const callback = await signIn(createUserAgent(app), pkce)
    expect(callback.get('iss')).toBe(app.issuer)
    expect(callback.get('state')).toBe('a-state')

    const { status, body } = await redeem(app.issuer, callback.get('code') ?? '', pkce)

    expect(status, JSON.stringify(body)).toBe(200)
    expect(decodeProtectedHeader(body.access_token ?? '')).toMatchObject({ typ: 'at+jwt', alg: 'ES256' })
    expect(decodeJwt(body.access_token ?? '')).toMatchObject({
      iss: app.issuer,
      aud: ['https://orders.example', app.issuer],
      client_id: 'demo-spa',
      scope: 'openid orders:read',
      sub: expect.stringMatching(/^usr_/),
      jti: expect.any(String),
      exp: expect.any(Number),
      iat: expect.any(Number),
    })
  })

  it('refreshes, and opens userinfo with the JWT', async () => {
    const pkce = newPkce()
    const callback = await signIn(createUserAgent(app), pkce, { scope: 'openid email orders:read' })
    const first = await redeem(app.issuer, callback.get('code') ?? '', pkce)
    const second = await refresh(app.issuer, first.body.refresh_token ?? '')
    expect(second.status, JSON.stringify(second.body)).toBe(200)
    expect(second.body.refresh_token).not.toBe(first.body.refresh_token)

    const userinfo = await fetch(`${app.issuer}/userinfo`, {
      headers: { authorization: `Bearer ${second.body.access_token}` },
    })

    expect(await userinfo.json()).toMatchObject({ email: 'alice@example.com' })
  })
})
