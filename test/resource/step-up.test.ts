/** Routes that ask for a recent or a strong sign-in (RFC 9470). */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createVerifier, koaBearer, type Requirements, type Verifier } from '../../src/resource/index.ts'
import { MIDDLEWARE, type GuardedServer, startGuardedServers } from './guarded-servers.ts'
import { AUDIENCE, mint, NOW, type StrangeIssuer, startIssuer } from './issuer.ts'

const NEEDED = { scopes: ['orders:read'], acr: ['urn:phishing-resistant', 'urn:two-factor'], maxAge: 300 }

let at: StrangeIssuer
let verifier: Verifier
let servers: GuardedServer[]

beforeAll(async () => {
  at = await startIssuer()
  verifier = createVerifier({ issuer: at.issuer, audience: AUDIENCE, clock: () => NOW * 1000 })
  servers = await startGuardedServers(verifier, NEEDED)
})
afterAll(() => Promise.all([...servers, at].map((open) => open.close())))

const token = (claims: Record<string, unknown>) => mint(at.issuer, at.ec, claims)

describe('a route that needs a sign-in', () => {
  it.each<[string, Requirements, Record<string, unknown>]>([
    ['of one of several kinds', { acr: ['a', 'b'] }, { acr: 'b' }],
    ['within the last seconds', { maxAge: 300 }, { auth_time: NOW - 300 }],
    ['within the last seconds, by a clock that differs', { maxAge: 300 }, { auth_time: NOW - 315 }],
    ['just now', { maxAge: 0 }, { auth_time: NOW }],
    ['of a kind, and of late', { acr: ['a'], maxAge: 60 }, { acr: 'a', auth_time: NOW - 60 }],
  ])('%s takes a token of such a one', async (_name, needs, claims) => {
    await expect(verifier.verify(token(claims), needs)).resolves.toMatchObject({ subject: 'u_1' })
  })

  it.each<[string, Requirements, Record<string, unknown>]>([
    ['of another kind', { acr: ['a'] }, { acr: 'b' }],
    ['of a kind that only begins like it', { acr: ['a'] }, { acr: 'ab' }],
    ['of no known kind', { acr: ['a'] }, {}],
    ['of no known time', { maxAge: 300 }, {}],
    ['of too long ago', { maxAge: 300 }, { auth_time: NOW - 316 }],
    ['that is recent, but weak', { acr: ['a'], maxAge: 60 }, { acr: 'b', auth_time: NOW }],
    ['that is strong, but old', { acr: ['a'], maxAge: 60 }, { acr: 'a', auth_time: NOW - 600 }],
    ['when the limit is no number', { maxAge: Number.NaN }, { auth_time: NOW }],
  ])('refuses one %s', async (_name, needs, claims) => {
    await expect(verifier.verify(token(claims), needs)).rejects.toMatchObject({
      ...{ code: 'authentication_insufficient', status: 401, error: 'insufficient_user_authentication' },
    })
  })

  it('asks for the scope first: a new sign-in would not help', async () => {
    await expect(verifier.verify(token({ scope: '' }), NEEDED)).rejects.toMatchObject({ code: 'scope_insufficient' })
  })

  it('judges a remembered token anew for each route, and as time passes', async () => {
    let now = NOW
    const own = createVerifier({ issuer: at.issuer, audience: AUDIENCE, clock: () => now * 1000 })
    const same = token({ acr: 'a', auth_time: NOW })

    await expect(own.verify(same, { maxAge: 60, acr: ['a'] })).resolves.toBeDefined()
    await expect(own.verify(same, { acr: ['b'] })).rejects.toMatchObject({ code: 'authentication_insufficient' })
    now += 76
    await expect(own.verify(same, { maxAge: 60 })).rejects.toMatchObject({ code: 'authentication_insufficient' })
    await expect(own.verify(same)).resolves.toBeDefined()
  })

  it.each(['auth_time', 'acr'])('refuses a token whose %s is of another type', async (claim) => {
    for (const value of [null, {}, [], true, '', 1.5, -1]) {
      await expect(verifier.verify(token({ [claim]: value }))).rejects.toMatchObject({ code: 'token_invalid' })
    }
  })

  it.each(MIDDLEWARE)('says behind %s what the client has to ask for (RFC 9470 section 3)', async (name) => {
    const origin = String(servers.find((server) => server.name === name)?.origin)

    const response = await fetch(origin, { headers: { authorization: `Bearer ${token({ auth_time: NOW - 900 })}` } })

    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe(
      `Bearer realm="${AUDIENCE}", error="insufficient_user_authentication", ` +
        'error_description="This needs a more recent or a stronger sign-in.", ' +
        'acr_values="urn:phishing-resistant urn:two-factor", max_age="300", scope="orders:read"',
    )
    expect(await response.json()).toMatchObject({ code: 'authentication_insufficient', status: 401 })
  })

  it('cannot be made with what no token could meet', () => {
    for (const wrong of [
      { acr: [] },
      { acr: 'a' },
      { acr: ['a b'] },
      { maxAge: -1 },
      { maxAge: 1.5 },
      { maxAge: '5' },
    ]) {
      expect(() => koaBearer(verifier, wrong as Requirements), JSON.stringify(wrong)).toThrow(TypeError)
    }
    expect(() => koaBearer(verifier, { dpop: 'required' })).toThrow(TypeError)
    expect(() => koaBearer(verifier, { dpop: 'sometimes' as 'off' })).toThrow(TypeError)
  })
})
