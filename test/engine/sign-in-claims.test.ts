/** Access tokens say when and how the person signed in, so that an API may ask for more (RFC 9068 section 2.2.1, RFC 9470). */

import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createVerifier, type Verifier } from '../../src/resource/index.ts'
import { type Running, start } from '../support/start.ts'
import { callEndpoint, createUserAgent, newPkce, redeem, refresh, signIn } from '../support/user-agent.ts'

const AUDIENCE = 'https://orders.example'
const MACHINE = { id: 'demo-machine', secret: 'demo-machine-secret-not-for-production' }

describe('an access token', () => {
  let app: Running
  let verifier: Verifier
  beforeAll(async () => {
    app = await start()
    verifier = createVerifier({ issuer: app.issuer, audience: AUDIENCE })
  })
  afterAll(() => app.close())

  async function tokensOf(scope = 'openid orders:read offline_access') {
    const pkce = newPkce()
    const code = (await signIn(createUserAgent(app), pkce, { scope, params: { prompt: 'consent' } })).get('code')
    return (await redeem(app.issuer, String(code), pkce)).body
  }

  it('says when and how the person signed in, also after any number of refreshes', async () => {
    const before = Math.floor(Date.now() / 1000)
    const tokens = await tokensOf()
    const refreshed = (await refresh(app.issuer, String(tokens.refresh_token))).body

    const [first, second] = [tokens, refreshed].map(({ access_token: token }) => decodeJwt(String(token)))
    expect(first).toMatchObject({ amr: ['pwd'] })
    expect(first?.auth_time).toBeGreaterThanOrEqual(before)
    expect(second).toMatchObject({ auth_time: first?.auth_time, amr: ['pwd'] })
    expect(second?.jti).not.toBe(first?.jti)
  })

  it('is enough for a route that asks for a recent sign-in, and no longer when that is too long ago', async () => {
    const token = String((await tokensOf()).access_token)
    const later = createVerifier({ issuer: app.issuer, audience: AUDIENCE, clock: () => Date.now() + 120_000 })

    await expect(verifier.verify(token, { maxAge: 60 })).resolves.toMatchObject({ scopes: expect.any(Array) })
    await expect(later.verify(token, { maxAge: 60 })).rejects.toMatchObject({ code: 'authentication_insufficient' })
    await expect(later.verify(token)).resolves.toBeDefined()
  })

  it('of a machine says nothing of the kind, and is never enough for such a route', async () => {
    const { body } = await callEndpoint(`${app.issuer}/token`, { grant_type: 'client_credentials' }, MACHINE)
    const audience = String(decodeJwt(String(body.access_token)).aud)
    const own = createVerifier({ issuer: app.issuer, audience })

    await expect(own.verify(body.access_token)).resolves.toMatchObject({ authenticatedAt: undefined })
    await expect(own.verify(body.access_token, { maxAge: 3600 })).rejects.toMatchObject({ status: 401 })
  })
})
