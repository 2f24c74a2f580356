/** Software that reads who signed in out of the ID token and never asks userinfo. */

import { createHash } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { CALLBACK, newCode, post, redemption } from '../../support/requests.ts'
import { type Running, start } from '../../support/start.ts'
import { createUserAgent, refresh } from '../../support/user-agent.ts'

const HASHES = { RS256: 'sha256', ES256: 'sha256', EdDSA: 'sha512' } as const

describe('[C4] an ID token', () => {
  let app: Running
  beforeAll(async () => {
    const algorithms = Object.keys(HASHES) as (keyof typeof HASHES)[]
    app = await start({
      clients: [
        { clientId: 'plain', firstParty: true },
        { clientId: 'telling', firstParty: true, idTokenClaims: ['profile', 'email'] },
        { clientId: 'pairwise', firstParty: true, subjectType: 'pairwise' },
        ...algorithms.map((algorithm) => ({
          clientId: algorithm,
          firstParty: true,
          ...(algorithm === 'RS256' ? {} : { idTokenAlgorithm: algorithm }),
        })),
      ],
    })
  })
  afterAll(() => app.close())

  async function tokensOf(clientId: string, scope: string) {
    const granted = await newCode(createUserAgent(app), { clientId, redirectUri: CALLBACK, scope })
    const params = redemption(granted, { client_id: clientId, redirect_uri: CALLBACK })
    const { body } = await post(`${app.issuer}/token`, params)
    return { id: String(body.id_token), access: String(body.access_token), refresh: String(body.refresh_token) }
  }

  it('has no personal claims unless the settings of its client say so', async () => {
    const { id } = await tokensOf('plain', 'openid profile email orders:read')

    expect(Object.keys(decodeJwt(id)).sort()).toEqual(
      ['at_hash', 'aud', 'auth_time', 'exp', 'iat', 'iss', 'sid', 'sub'].sort(),
    )
  })

  it.each([
    ['openid profile email orders:read', ['email', 'email_verified', 'family_name', 'given_name', 'name']],
    ['openid profile email', ['email', 'email_verified', 'family_name', 'given_name', 'name']],
    ['openid email orders:read', ['email', 'email_verified']],
    ['openid orders:read', []],
  ])('holds for "%s" what the scopes give, also after a refresh', async (scope, names) => {
    const tokens = await tokensOf('telling', scope)
    const refreshed = await refresh(app.issuer, tokens.refresh, 'telling')

    for (const id of [tokens.id, String(refreshed.body.id_token)]) {
      const told = Object.keys(decodeJwt(id)).filter((name) => /name|email/.test(name))
      expect(told.sort()).toEqual(names)
    }
  })

  it.each(Object.entries(HASHES))('by %s hashes the access token beside it', async (algorithm, hash) => {
    const { id, access } = await tokensOf(algorithm, 'openid orders:read')
    const digest = createHash(hash).update(access).digest()

    expect(decodeProtectedHeader(id).alg).toBe(algorithm)
    expect(decodeJwt(id).at_hash).toBe(digest.subarray(0, digest.length / 2).toString('base64url'))
  })

  it.each(['plain', 'pairwise'])('names for %s the session as the access token does', async (clientId) => {
    const { id, access } = await tokensOf(clientId, 'openid orders:read')

    expect(decodeJwt(id).sid).toEqual(expect.any(String))
    expect(decodeJwt(id).sid).toBe(decodeJwt(access).sid)
    expect(decodeJwt(id).auth_time).toBe(decodeJwt(access).auth_time)
  })
})
