import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { listEngineRoutes } from '../../support/routes.ts'
import { type Running, start } from '../../support/start.ts'
import { createUserAgent, refresh, type SignInOptions } from '../../support/user-agent.ts'
import {
  basic,
  CALLBACK,
  confidential,
  newCode,
  type Params,
  post,
  redemption,
  unsigned,
  userinfo,
  KINDS_OF_API,
  SCOPE_OF,
  ORDERS,
  SHARED,
  OPAQUE,
} from '../../support/requests.ts'

interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
}

describe('revocation (RFC 7009)', () => {
  let app: Running
  beforeAll(async () => {
    const apis = { [ORDERS]: ['orders:read'], [SHARED]: ['shared:read'], [OPAQUE]: ['opaque:read'] }
    app = await start({
      apis: KINDS_OF_API,
      clients: [
        { clientId: 'spa', redirectUris: [CALLBACK], apis },
        { clientId: 'other-spa', redirectUris: ['http://localhost:4012/callback'], apis },
        confidential('machine', { apis }),
        confidential('stranger', { apis }),
        confidential('api', { grantTypes: [], redirectUris: [], scopes: [], apis: {} }),
      ],
    })
  })
  afterAll(() => app.close())

  const revoke = (params: Params, headers: Readonly<Record<string, string>> = {}) => {
    return post(`${app.issuer}/revoke`, params, headers)
  }

  /** Tokens of a new session, and so of a grant of their own. */
  async function tokensOf(scope: string, options: SignInOptions = {}): Promise<Tokens> {
    const asked = { clientId: 'spa', redirectUri: CALLBACK, scope, ...options }
    const granted = await newCode(createUserAgent(app), asked)
    const params = redemption(granted, { client_id: 'spa', redirect_uri: CALLBACK })
    const { status, body, text } = await post(`${app.issuer}/token`, params)
    expect(status, text).toBe(200)
    return body as unknown as Tokens
  }

  async function machineToken(resource: string): Promise<string> {
    const params = { grant_type: 'client_credentials', resource, scope: SCOPE_OF[resource] }
    return String((await post(`${app.issuer}/token`, params, basic('machine'))).body.access_token)
  }

  async function isActive(token: string): Promise<boolean> {
    const { status, body } = await post(`${app.issuer}/introspect`, { token }, basic('api'))
    expect(status).toBe(200)
    return body.active === true
  }

  const isRefreshable = async (token: string) => (await refresh(app.issuer, token, 'spa')).status === 200

  const SCOPES = {
    'a JWT': 'openid offline_access orders:read',
    'a JWT that ends with the session': 'openid orders:read',
    'a JWT that a secret signs': 'openid shared:read',
    'an opaque token': 'openid offline_access opaque:read',
    'an opaque token that ends with the session': 'openid opaque:read',
  }

  describe.each(Object.entries(SCOPES))('of %s', (_kind, scope) => {
    // What a secret signs never opens it.
    const whileGood = scope.includes('shared:') ? 401 : 200

    it('ends that token, and leaves the rest of the grant alone (RFC 7009 section 2.1)', async () => {
      const first = await tokensOf(scope)
      const { status, body } = await refresh(app.issuer, first.refresh_token, 'spa')
      expect(status).toBe(200)
      const second = { access_token: body.access_token ?? '', refresh_token: body.refresh_token ?? first.refresh_token }

      const answer = await revoke({ token: first.access_token, client_id: 'spa' })

      expect({ status: answer.status, text: answer.text }).toEqual({ status: 200, text: '' })
      expect(await isActive(first.access_token)).toBe(false)
      expect((await userinfo(app.issuer, first.access_token)).status).toBe(401)
      expect(await isActive(second.access_token)).toBe(true)
      expect((await userinfo(app.issuer, second.access_token)).status).toBe(whileGood)
      expect((await refresh(app.issuer, second.refresh_token, 'spa')).status).toBe(200)
    })

    it('[S52] happens with its refresh token, at once', async () => {
      const tokens = await tokensOf(scope)
      expect((await userinfo(app.issuer, tokens.access_token)).status).toBe(whileGood)
      expect(await isActive(tokens.access_token)).toBe(true)

      expect((await revoke({ token: tokens.refresh_token, client_id: 'spa' })).status).toBe(200)

      expect(await isActive(tokens.access_token)).toBe(false)
      expect((await userinfo(app.issuer, tokens.access_token)).status).toBe(401)
      expect((await refresh(app.issuer, tokens.refresh_token, 'spa')).body.error).toBe('invalid_grant')
    })

    it('[S52] by another client ends nothing, and the answer does not tell', async () => {
      const tokens = await tokensOf(scope)
      const unknown = await revoke({ token: 'unknown', client_id: 'other-spa' })

      for (const token of [tokens.access_token, tokens.refresh_token]) {
        for (const answer of [
          await revoke({ token, client_id: 'other-spa' }),
          await revoke({ token, client_id: 'demo-spa' }),
          await revoke({ token }, basic('stranger')),
        ]) {
          expect({ status: answer.status, text: answer.text }).toEqual({ status: 200, text: '' })
          expect(shape(answer.headers)).toEqual(shape(unknown.headers))
        }
      }

      expect(await isActive(tokens.access_token)).toBe(true)
      expect((await userinfo(app.issuer, tokens.access_token)).status).toBe(whileGood)
      expect(await isRefreshable(tokens.refresh_token)).toBe(true)
    })

    it.each(['access_token', 'refresh_token', 'nothing'])('finds it with the hint %s', async (token_type_hint) => {
      const { access_token: token } = await tokensOf(scope)

      expect((await revoke({ token, token_type_hint, client_id: 'spa' })).status).toBe(200)

      expect(await isActive(token)).toBe(false)
    })

    it('wants to know who asks', async () => {
      const { access_token: token } = await tokensOf(scope)

      expect((await revoke({ token })).status).toBe(400)
      expect((await revoke({ token, client_id: 'machine' })).status).toBe(401)
      expect((await revoke({ token }, basic('machine', 'wrong'))).status).toBe(401)
      expect((await revoke({ token: [token, token], client_id: 'spa' })).status).toBe(400)

      expect(await isActive(token)).toBe(true)
    })
  })

  it.each([ORDERS, SHARED, OPAQUE])('of the token of a machine for %s ends that token', async (resource) => {
    const [token, other] = [await machineToken(resource), await machineToken(resource)]
    expect((await revoke({ token }, basic('stranger'))).status).toBe(200)
    expect(await isActive(token)).toBe(true)

    expect((await revoke({ token }, basic('machine'))).status).toBe(200)

    expect(await isActive(token)).toBe(false)
    expect(await isActive(other)).toBe(true)
  })

  it('of a token that has ended already is as good as done', async () => {
    const tokens = await tokensOf(SCOPES['a JWT'])
    for (const token of [tokens.refresh_token, tokens.refresh_token, tokens.access_token, tokens.access_token]) {
      const { status, text } = await revoke({ token, client_id: 'spa' })
      expect({ status, text }).toEqual({ status: 200, text: '' })
    }
  })

  it('[S52] of what is no token of ours is answered with 200 (RFC 7009 section 2.2)', async () => {
    const { access_token: good } = await tokensOf(SCOPES['a JWT'])
    const altered = `${good.slice(0, -8)}AAAAAAAA`
    for (const token of [
      'x',
      'a.b.c',
      '../..',
      'x'.repeat(65_536),
      'eyJ.'.repeat(16_384),
      unsigned(decodeJwt(good)),
      altered,
    ]) {
      const { status, text } = await revoke({ token, client_id: 'spa' })
      expect({ status, text }).toEqual({ status: 200, text: '' })
    }
    expect(await isActive(good)).toBe(true)
  })

  describe('every endpoint that takes an access token', () => {
    interface TokenEndpoint {
      /** Whether it opens to the token. */
      takes(token: string): Promise<boolean>
      /** Tokens that open it, each with what revokes it. */
      readonly keys: readonly (() => Promise<{ token: string; revoke: () => Promise<unknown> }>)[]
    }

    const ofPerson = Object.values(SCOPES).map(keyWith)
    const toUserinfo = Object.values(SCOPES)
      .filter((scope) => !scope.includes('shared:'))
      .map(keyWith)
    function keyWith(scope: string) {
      return async () => {
        const { access_token: token } = await tokensOf(scope)
        return { token, revoke: () => revoke({ token, client_id: 'spa' }) }
      }
    }
    const ofReader = async () => {
      const reader = basic('demo-machine', 'demo-machine-secret-not-for-production')
      const params = { grant_type: 'client_credentials', resource: app.issuer, scope: 'revocations:read' }
      const token = String((await post(`${app.issuer}/token`, params, reader)).body.access_token)
      return { token, revoke: () => revoke({ token }, reader) }
    }
    const opensTo = (path: string) => async (token: string) =>
      (await fetch(app.issuer + path, { headers: { authorization: `Bearer ${token}` } })).status === 200

    async function pollsWith(token: string): Promise<boolean> {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      const body = JSON.stringify({ maxEvents: 0, returnImmediately: true })
      return (await fetch(`${app.issuer}/ssf/poll`, { method: 'POST', headers, body })).status === 200
    }

    /** One line a path, so that a new one has to say whether it takes tokens. */
    const ENDPOINTS: Readonly<Record<string, TokenEndpoint | 'takes none'>> = {
      '/authorize': 'takes none',
      '/token': 'takes none',
      '/jwks': 'takes none',
      '/par': 'takes none',
      '/logout': 'takes none',
      '/logout/confirm': 'takes none',
      '/logout/success': 'takes none',
      '/.well-known/openid-configuration': 'takes none',
      '/.well-known/oauth-authorization-server': 'takes none',
      '/.well-known/ssf-configuration': 'takes none',
      // It answers all tokens alike.
      '/revoke': 'takes none',
      '/introspect': { takes: isActive, keys: ofPerson },
      '/userinfo': { takes: opensTo('/userinfo'), keys: toUserinfo },
      '/revocations': { takes: opensTo('/revocations'), keys: [ofReader] },
      '/ssf/poll': { takes: pollsWith, keys: [ofReader] },
    }
    const paths = listEngineRoutes().map(({ path }) => path)

    it('is known here', () => {
      expect(paths.filter((path) => ENDPOINTS[path] === undefined)).toEqual([])
    })

    it.each(paths.filter((path) => typeof ENDPOINTS[path] === 'object'))('%s refuses a revoked one', async (path) => {
      const { takes, keys } = ENDPOINTS[path] as TokenEndpoint
      for (const key of keys) {
        const { token, revoke: revokeIt } = await key()
        expect(await takes(token)).toBe(true)

        await revokeIt()

        expect(await takes(token)).toBe(false)
      }
    })
  })

  function shape(headers: Headers): string[][] {
    return [...headers].filter(([name]) => name !== 'date' && name !== 'x-request-id')
  }
})
