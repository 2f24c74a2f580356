import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'

import { ACCESS_TOKEN } from '../../../src/registry/duration-setting.ts'
import { createVerifier } from '../../../src/resource/index.ts'
import { load, oneClient, problemsOf } from '../../config/sources.ts'
import { type Running, start } from '../../support/start.ts'
import { refresh, type SignInOptions, type UserAgent } from '../../support/user-agent.ts'
import {
  authorize,
  basic,
  CALLBACK,
  confidential,
  expectErrorAtClient,
  newCode,
  type Params,
  post,
  redemption,
  signedIn,
  SPA_CALLBACK,
  userinfo,
} from '../../support/requests.ts'

const ORDERS = 'https://orders.example'
const INVENTORY = 'https://inventory.example'
const OPAQUE = 'https://opaque.example'

describe('tokens', () => {
  let app: Running
  let alice: UserAgent
  beforeAll(async () => {
    const opaque = { [OPAQUE]: ['opaque:read', 'opaque:write'] }
    app = await start({
      apis: [
        {
          audience: OPAQUE,
          scopes: { 'opaque:read': 'Read', 'opaque:write': 'Write' },
          tokenFormat: 'opaque',
          introspectedBy: ['api'],
        },
      ],
      clients: [
        { clientId: 'spa', redirectUris: [CALLBACK], apis: opaque },
        { clientId: 'other-spa', redirectUris: ['http://localhost:4012/callback'], apis: opaque },
        { clientId: 'login-only', redirectUris: [CALLBACK], apis: {} },
        confidential('web', { apis: { ...opaque, [ORDERS]: ['orders:read'] } }),
        confidential('api', { grantTypes: ['client_credentials'], apis: opaque }),
        confidential('stranger', { apis: { [INVENTORY]: ['inventory:read'] } }),
      ],
    })
    alice = await signedIn(app)
  })
  afterAll(() => app.close())
  afterEach(() => vi.useRealTimers())

  const token = (params: Params, headers: Readonly<Record<string, string>> = {}) => {
    return post(`${app.issuer}/token`, params, headers)
  }
  const machine = (params: Params = {}) => token({ grant_type: 'client_credentials', ...params }, basic('web'))

  interface Tokens {
    readonly access_token: string
    readonly refresh_token: string
    readonly id_token: string
    readonly scope: string
  }

  async function tokensOf(options: SignInOptions = {}, params: Params = {}, agent = alice): Promise<Tokens> {
    const { clientId = 'demo-spa', redirectUri = SPA_CALLBACK } = options
    const granted = await newCode(agent, options)
    const { status, body } = await token(
      redemption(granted, { client_id: clientId, redirect_uri: redirectUri, ...params }),
    )
    expect(status, JSON.stringify(body)).toBe(200)
    return body as unknown as Tokens
  }

  const opaqueTokens = (scope = 'openid opaque:read') => tokensOf({ clientId: 'spa', redirectUri: CALLBACK, scope })

  it('[S41] a JWT access token is at+jwt and has the claims of RFC 9068 section 2.2', async () => {
    const before = Math.floor(Date.now() / 1000)
    const { access_token: accessToken } = await tokensOf({ scope: 'openid email orders:read' })

    expect(decodeProtectedHeader(accessToken)).toEqual({ typ: 'at+jwt', alg: 'ES256', kid: expect.any(String) })
    const claims = decodeJwt(accessToken)
    expect(claims).toEqual({
      iss: app.issuer,
      aud: [ORDERS, app.issuer],
      sub: expect.stringMatching(/^usr_/),
      client_id: 'demo-spa',
      iat: expect.any(Number),
      exp: expect.any(Number),
      jti: expect.stringMatching(/^[\w-]{22}$/),
      scope: 'openid email orders:read',
      gid: expect.any(String),
      sid: expect.any(String),
      auth_time: expect.any(Number),
      amr: ['pwd'],
    })
    expect(Math.abs(Number(claims.iat) - before)).toBeLessThan(5)
    expect(decodeJwt((await tokensOf()).access_token).jti).not.toBe(claims.jti)
  })

  describe('[S42] the audience is an API that this client may call, or nothing (RFC 8707 2)', () => {
    const UNKNOWN = ['https://evil.example', 'https://orders.example/x', 'urn:x', 'no-uri', 'https://orders.example#x']

    it.each(UNKNOWN.concat(OPAQUE))('a request for %s is refused', async (resource) => {
      expectErrorAtClient(await authorize(alice, { resource }), 'invalid_target')
      expectErrorAtClient(await authorize(alice, { resource: [ORDERS, resource] }), 'invalid_target')
      expect(await targetError({ grant_type: 'client_credentials', resource }, basic('stranger'))).toBe(
        'invalid_target',
      )
      const granted = await newCode(alice)
      expect(await targetError(redemption(granted, { resource }))).toBe('invalid_target')
      const { refresh_token } = await tokensOf()
      const refreshing = { grant_type: 'refresh_token', client_id: 'demo-spa', refresh_token, resource }
      expect(await targetError(refreshing)).toBe('invalid_target')
    })

    it('and no parameter besides says otherwise', async () => {
      const { access_token: accessToken } = await tokensOf({}, { audience: 'https://evil.example', aud: 'x' })

      expect(decodeJwt(accessToken).aud).toEqual([ORDERS, app.issuer])
    })

    it('an API that was not authorized is not added at the token endpoint', async () => {
      const granted = await newCode(alice, { params: { resource: ORDERS } })

      expect(await targetError(redemption(granted, { resource: INVENTORY }))).toBe('invalid_target')
    })

    async function targetError(params: Params, headers = {}): Promise<unknown> {
      const { status, body } = await token(params, headers)
      expect(status).toBe(400)
      return body.error
    }
  })

  describe('[S43] a token of one kind is none of another (RFC 8725 3.12)', () => {
    it('an ID token opens neither userinfo nor an API, and is not active', async () => {
      const { id_token: idToken } = await tokensOf()

      expect((await userinfo(app.issuer, idToken)).status).toBe(401)
      const verifier = createVerifier({ issuer: app.issuer, audience: ORDERS })
      await expect(verifier.verify(idToken)).rejects.toMatchObject({ code: 'token_invalid' })
      const ownAudience = createVerifier({ issuer: app.issuer, audience: 'demo-spa' })
      await expect(ownAudience.verify(idToken)).rejects.toMatchObject({ code: 'token_invalid' })
      const { body } = await post(`${app.issuer}/introspect`, { token: idToken, client_id: 'demo-spa' })
      expect(body.active).not.toBe(true)
    })

    it('an access token is no id_token_hint', async () => {
      const { access_token: hint } = await tokensOf()

      expectErrorAtClient(await authorize(alice, { id_token_hint: hint, prompt: 'none' }), 'invalid_request')
      const response = await alice.get(`/logout?id_token_hint=${hint}`)
      expect(response.status).toBe(400)
    })
  })

  describe('[S45] lifetimes', () => {
    it('an access token lives for ten minutes at most, unless its API says otherwise', async () => {
      expect(ACCESS_TOKEN.default).toBe('10m')
      for (const { access_token: accessToken } of [await tokensOf(), (await machine()).body as unknown as Tokens]) {
        const { exp, iat } = decodeJwt(accessToken)
        expect(Number(exp) - Number(iat)).toBeLessThanOrEqual(600)
      }
    })

    it('a refresh token ends in the end, though it is used all the time', async () => {
      const lifetimes = { ...app.config.lifetimes, refreshTokenIdleSeconds: 100, refreshTokenSeconds: 250 }
      const brief = await start({ config: { lifetimes } })
      const agent = await signedIn(brief)
      const granted = await newCode(agent)
      const { body } = await post(`${brief.issuer}/token`, redemption(granted))
      let current = String(body.refresh_token)
      const begun = Date.now()
      vi.useFakeTimers({ toFake: ['Date'] })
      for (const seconds of [90, 180, 240]) {
        vi.setSystemTime(begun + seconds * 1000)
        const answer = await refresh(brief.issuer, current)
        expect(answer.status, `${seconds} s`).toBe(200)
        current = String(answer.body.refresh_token)
      }

      vi.setSystemTime(begun + 252_000)

      expect((await refresh(brief.issuer, current)).body.error).toBe('invalid_grant')
      await brief.close()
    })
  })

  describe('[S46] the token of a machine', () => {
    it('names the client as its subject, and no session', async () => {
      const { body } = await machine({ resource: ORDERS, scope: 'orders:read' })

      const claims = decodeJwt(String(body.access_token))
      expect(claims).toMatchObject({ sub: 'web', client_id: 'web', aud: ORDERS, scope: 'orders:read' })
      for (const name of ['gid', 'sid', 'auth_time', 'acr']) expect(claims).not.toHaveProperty(name)
      expect(body).not.toHaveProperty('refresh_token')
      expect(body).not.toHaveProperty('id_token')
    })

    it('is told from every person, since no client may be called as accounts are', async () => {
      const { sub } = decodeJwt((await tokensOf()).access_token)

      const problems = problemsOf({ yaml: oneClient().replace('client_id: shop', `client_id: ${String(sub)}`) })

      expect(problems).toEqual([expect.stringContaining('client_id')])
      expect(load({ yaml: oneClient() }).clients.map(({ clientId }) => clientId)).toContain('shop')
    })

    it('does not open userinfo', async () => {
      expect((await userinfo(app.issuer, (await machine({ resource: ORDERS })).body.access_token)).status).toBe(401)
      expect((await userinfo(app.issuer, (await machine({ resource: OPAQUE })).body.access_token)).status).toBe(401)
    })
  })

  describe('[S47] userinfo refuses (RFC 6750 3, 5.3)', () => {
    const challenge = (response: Response) => response.headers.get('www-authenticate') ?? ''

    it('a request without a token, with a challenge', async () => {
      const response = await fetch(`${app.issuer}/userinfo`)

      expect(response.status).toBe(401)
      expect(challenge(response)).toMatch(/^Bearer realm=/)
    })

    it('a token without the scope openid', async () => {
      const response = await userinfo(app.issuer, (await tokensOf({ scope: 'orders:read' })).access_token)

      expect(response.status).toBe(403)
      expect(challenge(response)).toContain('error="insufficient_scope"')
    })

    // An opaque one is judged with the tolerance for clocks of different nodes, 15 s.
    it.each([
      ['jwt', 601],
      ['opaque', 616],
    ])('a %s token that has expired: after %i s', async (kind, seconds) => {
      const agent = await signedIn(app)
      const options = kind === 'jwt' ? {} : { clientId: 'login-only', redirectUri: CALLBACK, scope: 'openid' }
      const { access_token: accessToken } = await tokensOf(options, {}, agent)
      expect((await userinfo(app.issuer, accessToken)).status).toBe(200)
      vi.useFakeTimers({ toFake: ['Date'] })
      vi.setSystemTime(Date.now() + seconds * 1000)

      const response = await userinfo(app.issuer, accessToken)

      expect(response.status).toBe(401)
      expect(challenge(response)).toContain('error="invalid_token"')
    })

    it('a token in the query', async () => {
      const { access_token: accessToken } = await tokensOf()

      const response = await fetch(`${app.issuer}/userinfo?access_token=${accessToken}`)

      expect([400, 401]).toContain(response.status)
      expect(await response.text()).not.toContain('usr_')
    })

    it('a token that is altered, empty, or there twice', async () => {
      const { access_token: accessToken } = await tokensOf()
      for (const bad of [accessToken.slice(0, -2), `${accessToken}x`, '', 'x', 'a.b.c', `${accessToken} x`]) {
        expect([400, 401]).toContain((await userinfo(app.issuer, bad)).status)
      }
      const twice = await post(
        `${app.issuer}/userinfo`,
        { access_token: accessToken },
        { authorization: `Bearer ${accessToken}` },
      )
      expect(twice.status).toBe(400)
    })

    it('an opaque token that is for an API alone', async () => {
      const { access_token: accessToken } = await opaqueTokens('opaque:read')

      expect((await userinfo(app.issuer, accessToken)).status).toBeGreaterThanOrEqual(401)
    })
  })

  describe('[S48] userinfo', () => {
    it('tells of the person whom the ID token names', async () => {
      const tokens = await tokensOf({ scope: 'openid email' })

      const claims = (await (await userinfo(app.issuer, tokens.access_token)).json()) as Record<string, unknown>

      expect(claims).toEqual({
        sub: decodeJwt(tokens.id_token).sub,
        email: 'alice@example.com',
        email_verified: true,
      })
    })

    it.each([
      ['http://localhost:4011', 'http://localhost:4011'],
      ['https://evil.example', null],
      ['null', null],
      ['http://localhost:4012', null],
      ['http://localhost:4010', null],
    ])('may be read by %s: %s', async (origin, allowed) => {
      const { access_token: accessToken } = await tokensOf()

      const { headers } = await fetch(`${app.issuer}/userinfo`, {
        headers: { origin, authorization: `Bearer ${accessToken}` },
      })

      expect(headers.get('access-control-allow-origin')).toBe(allowed)
      expect(headers.get('access-control-allow-credentials')).toBeNull()
    })
  })

  describe('[S49] introspection (RFC 7662 2.1, 4)', () => {
    const introspect = (params: Params, headers: Readonly<Record<string, string>> = {}) => {
      return post(`${app.issuer}/introspect`, params, headers)
    }

    it('wants to know who asks', async () => {
      const { access_token: accessToken } = await opaqueTokens()

      expect((await introspect({ token: accessToken })).status).toBe(400)
      expect((await introspect({ token: accessToken, client_id: 'api' })).status).toBe(401)
      expect((await introspect({ token: accessToken }, basic('api', 'wrong'))).status).toBe(401)
      expect((await introspect({ token: accessToken }, { authorization: `Bearer ${accessToken}` })).status).toBe(400)
    })

    it('tells the API that it is for', async () => {
      const { access_token: accessToken } = await opaqueTokens()

      const aud = [OPAQUE, app.issuer]
      const { body } = await introspect({ token: accessToken }, basic('api'))

      expect(body).toMatchObject({ active: true, client_id: 'spa', aud, scope: 'openid opaque:read' })
    })

    it('tells no other client', async () => {
      const tokens = await opaqueTokens()
      for (const value of [tokens.access_token, tokens.refresh_token]) {
        for (const answer of [
          await introspect({ token: value }, basic('stranger')),
          await introspect({ token: value }, basic('web')),
        ]) {
          expect(answer.status).toBe(200)
          expect(answer.body).toEqual({ active: false })
        }
      }
    })

    it('tells an API nothing of the refresh token behind', async () => {
      const { refresh_token: refreshToken } = await opaqueTokens()

      expect((await introspect({ token: refreshToken }, basic('api'))).body).toEqual({ active: false })
    })
  })

  describe('[S54] scope', () => {
    it('is what was asked, known and allowed; the answer says what was granted', async () => {
      const tokens = await tokensOf({ scope: 'openid orders:read no-such-scope admin' })

      expect(tokens.scope.split(' ').sort()).toEqual(['openid', 'orders:read'])
      expect(decodeJwt(tokens.access_token).scope).toBe('openid orders:read')
      expect((await machine({ resource: ORDERS, scope: 'orders:read orders:write x' })).body.scope).toBe('orders:read')
    })

    it('never widens on refresh', async () => {
      const { refresh_token: refreshToken } = await tokensOf({ scope: 'openid orders:read' })

      const wider = await refresh(app.issuer, refreshToken, 'demo-spa', { scope: 'openid orders:read orders:write' })
      if (wider.status === 200) expect(wider.body.scope).not.toContain('orders:write')
      else expect(wider.body.error).toBe('invalid_scope')

      const same = await refresh(app.issuer, wider.body.refresh_token ?? refreshToken)
      expect(decodeJwt(same.body.access_token ?? '').scope).toBe('openid orders:read')
    })

    it('narrows on refresh where asked, for that token alone', async () => {
      const { refresh_token: refreshToken } = await tokensOf({ scope: 'openid orders:read orders:write' })

      const narrow = await refresh(app.issuer, refreshToken, 'demo-spa', { scope: 'orders:read' })
      expect(decodeJwt(narrow.body.access_token ?? '').scope).toBe('orders:read')

      const whole = await refresh(app.issuer, narrow.body.refresh_token ?? '')
      expect(decodeJwt(whole.body.access_token ?? '').scope).toBe('openid orders:read orders:write')
    })
  })

  describe('[S55] the token endpoint', () => {
    it('answers with JSON that must not be cached', async () => {
      const answer = await machine()

      expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
      expect(answer.headers.get('cache-control')).toBe('no-store')
      expect(answer.location).toBeUndefined()
    })

    it.each([
      ['nothing', {}],
      ['an unknown grant', { grant_type: 'password', username: 'a', password: 'b' }],
      ['implicit', { grant_type: 'implicit', client_id: 'demo-spa' }],
      [
        'a code that is none',
        { grant_type: 'authorization_code', client_id: 'demo-spa', code: 'x', redirect_uri: 'x' },
      ],
      ['a refresh token that is none', { grant_type: 'refresh_token', client_id: 'demo-spa', refresh_token: 'x' }],
      ['a code of zero bytes', { grant_type: 'authorization_code', client_id: 'demo-spa', code: '\u0000'.repeat(46) }],
      ['a code for a prototype', { grant_type: 'authorization_code', client_id: 'demo-spa', code: '__proto__' }],
      ['a grant of Object', { grant_type: 'constructor', client_id: 'demo-spa' }],
      ['a client of Object', { grant_type: 'refresh_token', client_id: '__proto__', refresh_token: 'x' }],
      ['a secret that is none', { grant_type: 'client_credentials', client_id: 'web', client_secret: 'x' }],
    ])('says no more than it must of %s', async (_name, params) => {
      const answer = await token(params as Params)

      expect([400, 401]).toContain(answer.status)
      expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
      expect(answer.headers.get('cache-control')).toBe('no-store')
      expect(Object.keys(answer.body).sort()).toEqual(['error', 'error_description'])
      expect(answer.text).not.toMatch(/node_modules|\.ts\b|\.js\b| at |Error:|sqlite|redis|undefined/i)
    })

    it('puts no token into an address: the front channel gives codes alone', async () => {
      const { location } = await authorize(alice, {})

      expect([...(location?.searchParams.keys() ?? [])].sort()).toEqual(['code', 'iss', 'state'])
      expect(location?.hash).toBe('')
    })
  })

  describe('[S56] the token endpoint takes a form by POST and nothing else', () => {
    const good = new URLSearchParams({ grant_type: 'client_credentials' })
    const json = JSON.stringify(Object.fromEntries(good))

    it.each(['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH'])('not %s', async (method) => {
      const url = `${app.issuer}/token${method === 'GET' || method === 'HEAD' ? `?${good.toString()}` : ''}`
      const body = method === 'GET' || method === 'HEAD' ? {} : { body: good }

      const response = await fetch(url, { method, headers: basic('web'), ...body })

      expect(response.status).toBe(405)
      expect(response.headers.get('allow')).toContain('POST')
    })

    it.each([
      'application/json',
      'text/plain',
      'multipart/form-data; boundary=x',
      'application/x-www-form-urlencoded2',
    ])('not a body of %s', async (type) => {
      for (const body of [json, good.toString()]) {
        const response = await fetch(`${app.issuer}/token`, {
          method: 'POST',
          headers: { ...basic('web'), 'content-type': type },
          body,
        })
        expect(response.status).toBe(400)
        expect(await response.json()).toMatchObject({ error: 'invalid_request' })
      }
    })

    it('not a multipart form, nor parameters in the query', async () => {
      const body = new FormData()
      body.set('grant_type', 'client_credentials')

      const multipart = await fetch(`${app.issuer}/token`, { method: 'POST', headers: basic('web'), body })
      const query = await fetch(`${app.issuer}/token?${good.toString()}`, { method: 'POST', headers: basic('web') })

      expect([multipart.status, query.status]).toEqual([400, 400])
    })
  })

  describe('[S63] a refresh token of one client', () => {
    it('is of no use to another, and that does its owner no harm', async () => {
      const { refresh_token: refreshToken } = await opaqueTokens()

      for (const answer of [
        await refresh(app.issuer, refreshToken, 'other-spa'),
        await refresh(app.issuer, refreshToken, 'demo-spa'),
        await token({ grant_type: 'refresh_token', refresh_token: refreshToken }, basic('web')),
      ]) {
        expect(answer.status).toBe(400)
        expect(answer.body.error).toBe('invalid_grant')
      }

      expect((await refresh(app.issuer, refreshToken, 'spa')).status).toBe(200)
    })
  })
})
