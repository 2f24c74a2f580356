/** A library that knows nothing of us goes through every flow with what discovery tells it. */

import { generateKeyPairSync } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import * as oidc from 'openid-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { hashHandle } from '../../../src/base/sealing.ts'
import { type Running, start } from '../../support/start.ts'
import { createUserAgent, signInAt, type UserAgent } from '../../support/user-agent.ts'

const CALLBACK = 'http://localhost:4999/callback'
const AFTER_LOGOUT = 'http://localhost:4999/'
const SECRET = 'a-secret+of/the tests:with%more than 256 bits'
const ORDERS = 'https://orders.example'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const CLIENT_JWK = { ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256', use: 'sig' }

const METHODS: Readonly<Record<string, () => Promise<oidc.ClientAuth>>> = {
  none: async () => oidc.None(),
  client_secret_basic: async () => oidc.ClientSecretBasic(SECRET),
  client_secret_post: async () => oidc.ClientSecretPost(SECRET),
  private_key_jwt: async () => {
    const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' })
    const ecdsa = { name: 'ECDSA', namedCurve: 'P-256' }
    const key = await crypto.subtle.importKey('pkcs8', pkcs8, ecdsa, false, ['sign'])
    return oidc.PrivateKeyJwt({ key, kid: 'one' })
  },
}

describe('openid-client', () => {
  let app: Running
  beforeAll(async () => {
    app = await start({
      clients: Object.keys(METHODS).map((method) => ({
        clientId: `by-${method}`,
        authMethod: method as 'none',
        secretHash: method.startsWith('client_secret') ? hashHandle(SECRET) : undefined,
        jwks: method === 'private_key_jwt' ? { keys: [CLIENT_JWK] } : undefined,
        grantTypes: [
          'authorization_code',
          'refresh_token',
          ...(method === 'none' ? [] : ['client_credentials' as const]),
        ],
        redirectUris: [CALLBACK],
        postLogoutRedirectUris: [AFTER_LOGOUT],
      })),
    })
  })
  afterAll(() => app.close())

  async function discover(method: string): Promise<oidc.Configuration> {
    const authentication = await METHODS[method]?.()
    const options = { execute: [oidc.allowInsecureRequests] }
    return oidc.discovery(new URL(app.issuer), `by-${method}`, undefined, authentication, options)
  }

  async function signIn(config: oidc.Configuration, agent: UserAgent, more: Record<string, string> = {}) {
    const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
    const expectedNonce = oidc.randomNonce()
    const expectedState = oidc.randomState()
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: CALLBACK,
      scope: 'openid email orders:read',
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      nonce: expectedNonce,
      state: expectedState,
      ...more,
    })
    const callback = await signInAt(agent, url)
    const checks = { pkceCodeVerifier, expectedNonce, expectedState, idTokenExpected: true }
    return oidc.authorizationCodeGrant(config, callback, checks)
  }

  describe.each(Object.keys(METHODS))('as a client with %s', (method) => {
    it('signs a person in, refreshes, asks userinfo and introspection, revokes and logs out', async () => {
      const config = await discover(method)
      const agent = createUserAgent(app)

      const tokens = await signIn(config, agent)
      const sub = tokens.claims()?.sub ?? ''
      expect(tokens.claims()).toMatchObject({ iss: app.issuer, aud: `by-${method}`, nonce: expect.any(String) })
      expect(decodeProtectedHeader(tokens.access_token).typ).toBe('at+jwt')
      expect(decodeJwt(tokens.access_token)).toMatchObject({
        iss: app.issuer,
        aud: [ORDERS, app.issuer],
        sub,
        client_id: `by-${method}`,
        exp: expect.any(Number),
        iat: expect.any(Number),
        jti: expect.any(String),
        scope: 'openid email orders:read',
      })

      const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '')
      const refreshToken = refreshed.refresh_token ?? tokens.refresh_token ?? ''
      expect(await oidc.fetchUserInfo(config, refreshed.access_token, sub)).toMatchObject({
        email: 'alice@example.com',
      })
      // A public client may not introspect: any caller could use its name (RFC 7662 section 2.1).
      const asked = async (token: string) => (method === 'none' ? undefined : oidc.tokenIntrospection(config, token))
      const told = (answer: object) => (method === 'none' ? undefined : expect.objectContaining(answer))
      expect(await asked(refreshToken)).toEqual(told({ active: true, sub }))

      expect(await asked(refreshed.access_token)).toEqual(
        told({ ...decodeJwt(refreshed.access_token), active: true, token_type: 'Bearer' }),
      )
      await oidc.tokenRevocation(config, refreshed.access_token)
      expect(await asked(refreshed.access_token)).toEqual(told({ active: false }))
      await expect(oidc.fetchUserInfo(config, refreshed.access_token, sub)).rejects.toMatchObject({ status: 401 })
      expect(await asked(tokens.access_token)).toEqual(told({ active: true }))

      await oidc.tokenRevocation(config, refreshToken)
      expect(await asked(tokens.access_token)).toEqual(told({ active: false }))
      expect(await asked(refreshToken)).toEqual(told({ active: false }))
      await expect(oidc.refreshTokenGrant(config, refreshToken)).rejects.toMatchObject({ error: 'invalid_grant' })

      const left = await logOut(config, agent, refreshed.id_token ?? tokens.id_token ?? '')
      expect(left?.href).toBe(`${AFTER_LOGOUT}?state=bye`)
      await expect(signIn(config, agent, { prompt: 'none' })).rejects.toMatchObject({ error: 'login_required' })
    })
  })

  async function logOut(config: oidc.Configuration, agent: UserAgent, idToken: string): Promise<URL | undefined> {
    const url = oidc.buildEndSessionUrl(config, {
      id_token_hint: idToken,
      post_logout_redirect_uri: AFTER_LOGOUT,
      state: 'bye',
    })
    const { page } = await agent.follow(await agent.get(url.href))
    if (page === undefined) throw new Error('there was no logout page')
    const { left } = await agent.follow(await agent.submit(page, '/logout/confirm', { logout: 'yes' }))
    return left
  }

  it.each(['client_secret_basic', 'client_secret_post', 'private_key_jwt'])(
    'gets a token for a machine with %s',
    async (method) => {
      const config = await discover(method)

      const tokens = await oidc.clientCredentialsGrant(config, { scope: 'orders:read', resource: ORDERS })

      expect(decodeJwt(tokens.access_token)).toMatchObject({ aud: ORDERS, sub: `by-${method}`, scope: 'orders:read' })
      expect(await oidc.tokenIntrospection(config, tokens.access_token)).toMatchObject({ active: true, aud: ORDERS })
      await oidc.tokenRevocation(config, tokens.access_token)
      expect(await oidc.tokenIntrospection(config, tokens.access_token)).toEqual({ active: false })
    },
  )

  it('takes the answer as a form', async () => {
    const config = await discover('none')
    const agent = createUserAgent(app)
    await signIn(config, agent)
    const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: CALLBACK,
      scope: 'openid',
      response_mode: 'form_post',
      state: 'a-state',
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    })

    const page = await agent.get(url.href)
    const fields = [...(await page.text()).matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name, value]) => [
      name,
      value,
    ])
    const request = new Request(CALLBACK, { method: 'POST', body: new URLSearchParams(fields as [string, string][]) })
    const tokens = await oidc.authorizationCodeGrant(config, request, { pkceCodeVerifier, expectedState: 'a-state' })

    expect(tokens.claims()?.sub).toMatch(/^usr_/)
  })

  it('pushes its authorization request', async () => {
    const config = await discover('client_secret_basic')
    const agent = createUserAgent(app)
    const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
    const url = await oidc.buildAuthorizationUrlWithPAR(config, {
      redirect_uri: CALLBACK,
      scope: 'openid',
      state: 'a-state',
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    })

    const callback = await signInAt(agent, url)

    const tokens = await oidc.authorizationCodeGrant(config, callback, { pkceCodeVerifier, expectedState: 'a-state' })
    expect(tokens.claims()?.sub).toMatch(/^usr_/)
  })
})
