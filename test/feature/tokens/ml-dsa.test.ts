/** Tokens that no quantum computer forges, for an API that asks for them. */

import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createVerifier } from '../../../src/resource/index.ts'
import { type Running, start } from '../../support/start.ts'
import { createUserAgent, newPkce, redeem, signIn } from '../../support/user-agent.ts'

const AUDIENCE = 'https://quantum.example'

describe('an API whose tokens are signed with ML-DSA-65', () => {
  let app: Running
  let token: string
  beforeAll(async () => {
    app = await start({
      apis: [{ audience: AUDIENCE, algorithm: 'ML-DSA-65' }],
      clients: [{ clientId: 'lasting', apis: { [AUDIENCE]: ['test:read'] } }],
    })
    const options = {
      clientId: 'lasting',
      redirectUri: 'http://localhost:4999/callback',
      scope: 'openid email test:read',
    }
    const pkce = newPkce()
    const callback = await signIn(createUserAgent(app), pkce, options)
    const { status, body } = await redeem(app.issuer, callback.get('code') ?? '', pkce, options)
    expect(status, JSON.stringify(body)).toBe(200)
    token = body.access_token ?? ''
  })
  afterAll(() => app?.close())

  it('gets tokens that jose verifies with the published key (RFC 9964)', async () => {
    const jwks = createRemoteJWKSet(new URL(`${app.issuer}/jwks`))

    const { protectedHeader } = await jwtVerify(token, jwks, { issuer: app.issuer, audience: AUDIENCE, typ: 'at+jwt' })

    expect(protectedHeader.alg).toBe('ML-DSA-65')
    // The signature alone is 3,309 bytes, 4,412 characters; headers of 8 KB, as many proxies allow, have room for it.
    expect(token.length).toBeGreaterThan(4412)
    expect(token.length).toBeLessThan(6000)
  })

  it('publishes nothing of the private key', async () => {
    const { keys } = (await (await fetch(`${app.issuer}/jwks`)).json()) as { keys: { kty: string; alg: string }[] }

    const published = keys.filter(({ kty }) => kty === 'AKP')

    expect(published).toHaveLength(1)
    expect(Object.keys(published[0] ?? {}).toSorted()).toEqual(['alg', 'kid', 'kty', 'pub', 'use'])
  })

  it('gets tokens that open userinfo', async () => {
    const userinfo = await fetch(`${app.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })

    expect(await userinfo.json()).toMatchObject({ email: 'alice@example.com' })
  })

  it('verifies them with grantor/resource when it names the algorithm, and not when it does not', async () => {
    const named = createVerifier({ issuer: app.issuer, audience: AUDIENCE, algorithms: ['ML-DSA-65'] })
    const unnamed = createVerifier({ issuer: app.issuer, audience: AUDIENCE })

    expect(await named.verify(token)).toMatchObject({ audience: [AUDIENCE, app.issuer] })
    await expect(unnamed.verify(token)).rejects.toMatchObject({ code: 'token_invalid' })
  })

  it('is the only one to have such a key: off unless an API names it', async () => {
    const plain = await start()
    const { keys } = (await (await fetch(`${plain.issuer}/jwks`)).json()) as { keys: { alg: string }[] }
    await plain.close()

    expect(keys.map(({ alg }) => alg)).not.toContain('ML-DSA-65')
    expect(decodeProtectedHeader(token).alg).toBe('ML-DSA-65')
  })
})
