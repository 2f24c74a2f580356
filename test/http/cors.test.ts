import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { listEngineRoutes } from '../support/routes.ts'
import { type Running, start } from '../support/start.ts'
import { createUserAgent, newPkce, redeem, signIn } from '../support/user-agent.ts'

const SPA_ORIGIN = 'http://localhost:4011'
const FOREIGN = ['https://evil.example', 'null', 'http://localhost:4011.evil.example', 'http://localhost', 'file://']
const OPEN = ['/jwks', '/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']

describe('cross-origin requests', () => {
  let app: Running
  beforeAll(async () => {
    const native = { applicationType: 'native', redirectUris: ['com.example.app:/callback'] } as const
    app = await start({ clients: [{ clientId: 'an-app-on-a-phone', ...native }] })
  })
  afterAll(() => app.close())

  const crossOrigin = listEngineRoutes().filter(
    ({ path, methods }) => methods.includes('OPTIONS') && !OPEN.includes(path),
  )

  it.each(crossOrigin.flatMap(({ path }) => FOREIGN.map((origin) => ({ path, origin }))))(
    '[A15] [S142] $path tells $origin nothing, in a preflight or an answer',
    async ({ path, origin }) => {
      const preflight = await fetch(app.issuer + path, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x' },
      })
      const answer = await fetch(app.issuer + path, {
        method: 'POST',
        headers: { origin },
        body: new URLSearchParams({
          client_id: 'demo-spa',
          token: 'x',
          grant_type: 'refresh_token',
          refresh_token: 'x',
        }),
      })

      for (const { headers } of [preflight, answer]) expect(headers.get('access-control-allow-origin')).toBeNull()
      expect(answer.status).toBeGreaterThanOrEqual(400)
    },
  )

  it('[S142] the SPA may read the answers to its own requests, and varies caches by origin', async () => {
    const pkce = newPkce()
    const code = (await signIn(createUserAgent(app), pkce)).get('code') ?? ''
    const tokens = await redeem(app.issuer, code, pkce)
    const userinfo = await fetch(`${app.issuer}/userinfo`, {
      headers: { origin: SPA_ORIGIN, authorization: `Bearer ${tokens.body.access_token}` },
    })

    expect(userinfo.status).toBe(200)
    expect(userinfo.headers.get('access-control-allow-origin')).toBe(SPA_ORIGIN)
    expect(userinfo.headers.get('access-control-allow-credentials')).toBeNull()
    expect(userinfo.headers.get('vary')).toMatch(/origin/i)
  })

  it('[S142] an origin of another client is refused', async () => {
    const answer = await fetch(`${app.issuer}/token`, {
      method: 'POST',
      headers: { origin: 'http://localhost:4010' },
      body: new URLSearchParams({ client_id: 'demo-spa', grant_type: 'refresh_token', refresh_token: 'x' }),
    })

    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    expect(answer.status).toBe(400)
  })

  it.each(OPEN)('[S142] %s is open to all, without credentials', async (path) => {
    const { headers } = await fetch(app.issuer + path, { headers: { origin: 'https://anywhere.example' } })

    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('access-control-allow-credentials')).toBeNull()
    expect(headers.get('vary')).toMatch(/origin/i)
  })

  it('answers a conditional request for the JWKS with 304', async () => {
    const first = await fetch(`${app.issuer}/jwks`)
    const etag = first.headers.get('etag') ?? ''
    const second = await fetch(`${app.issuer}/jwks`, { headers: { 'if-none-match': etag } })

    expect(first.headers.get('cache-control')).toMatch(/^public, max-age=\d+$/)
    expect(second.status).toBe(304)
    expect(await second.text()).toBe('')
  })
})
