/** No token is for an API of which nothing was granted, whatever way leads to it (RFC 8707 section 2). */

import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Running, start } from '../../support/start.ts'
import { createUserAgent, type UserAgent } from '../../support/user-agent.ts'
import {
  authorize,
  basic,
  CALLBACK,
  confidential,
  expectErrorAtClient,
  KINDS_OF_API,
  newCode,
  OPAQUE,
  ORDERS,
  type Params,
  post,
  redemption,
  SCOPE_OF,
  SHARED,
  signedIn,
} from '../../support/requests.ts'

const APIS = [ORDERS, SHARED, OPAQUE]

describe.each([{ fastPath: true }, { fastPath: false }])('with %o', (config) => {
  let app: Running
  let alice: UserAgent
  beforeAll(async () => {
    const apis = Object.fromEntries(Object.entries(SCOPE_OF).map(([api, scope]) => [api, [scope]]))
    app = await start({
      config,
      apis: KINDS_OF_API,
      clients: [
        { clientId: 'spa', redirectUris: [CALLBACK], apis },
        { clientId: 'ours', redirectUris: [CALLBACK], apis, firstParty: true },
        confidential('machine', { apis }),
        confidential('machine-of-none', { apis: { [ORDERS]: [] } }),
        confidential('api', { grantTypes: [], redirectUris: [], scopes: [], apis: {} }),
      ],
    })
    alice = await signedIn(app)
  })
  afterAll(() => app.close())

  const request = (clientId: string, params: Params) => {
    return authorize(alice, { client_id: clientId, redirect_uri: CALLBACK, ...params })
  }

  async function tokensOf(clientId: string, scope: string, agent = alice) {
    const granted = await newCode(agent, { clientId, redirectUri: CALLBACK, scope })
    const { body } = await post(
      `${app.issuer}/token`,
      redemption(granted, { client_id: clientId, redirect_uri: CALLBACK }),
    )
    return body
  }

  const refreshed = async (clientId: string, token: unknown, params: Params) =>
    post(`${app.issuer}/token`, {
      grant_type: 'refresh_token',
      client_id: clientId,
      refresh_token: String(token),
      ...params,
    })

  /** The introspection by a client that speaks for every API: it must not learn about a token of no API. */
  async function isForAnApi(token: unknown): Promise<boolean> {
    return (await post(`${app.issuer}/introspect`, { token: String(token) }, basic('api'))).body.active === true
  }

  describe.each(['spa', 'ours'])('the client %s', (clientId) => {
    it.each(APIS)('[A7] asks for the resource %s without a scope of it, and is refused', async (resource) => {
      for (const scope of ['openid', 'openid profile', 'unknown']) {
        for (const prompt of [undefined, 'none', 'consent']) {
          expectErrorAtClient(await request(clientId, { resource, scope, prompt }), 'invalid_target', CALLBACK)
        }
      }
    })

    it.each(APIS)('[A7, C5] asks for %s and no scope, which is to ask for all of its scopes', async (resource) => {
      const answer = await request(clientId, { resource, scope: undefined, prompt: 'none' })

      if (clientId === 'ours') expect(answer.location?.searchParams.has('code')).toBe(true)
      else expectErrorAtClient(answer, 'consent_required', CALLBACK)
    })

    it('[A7] asks for two resources with the scope of one, and is refused', async () => {
      const asked = { resource: [ORDERS, OPAQUE], scope: 'openid orders:read' }

      expectErrorAtClient(await request(clientId, asked), 'invalid_target', CALLBACK)
    })

    it('[A7] asks for openid alone, and gets a token for userinfo alone', async () => {
      const { access_token: token, scope, refresh_token: refreshToken } = await tokensOf(clientId, 'openid')
      const again = await refreshed(clientId, refreshToken, {})

      for (const one of [token, again.body.access_token]) {
        expect(one).toMatch(/^a/)
        expect(await isForAnApi(one)).toBe(false)
      }
      expect(scope).toBe('openid')
      for (const resource of APIS) {
        expect((await refreshed(clientId, again.body.refresh_token, { resource })).body.error).toBe('invalid_target')
      }
    })

    it('[A7] refreshes for openid alone, and gets a token for userinfo alone', async () => {
      const { refresh_token: refreshToken } = await tokensOf(clientId, 'openid orders:read')

      const { body } = await refreshed(clientId, refreshToken, { scope: 'openid' })

      expect(body.scope).toBe('openid')
      expect(await isForAnApi(body.access_token)).toBe(false)
    })

    it('[A7] refreshes for a resource without its scope, and is refused', async () => {
      const { refresh_token: refreshToken } = await tokensOf(clientId, 'openid orders:read opaque:read')

      const { status, body } = await refreshed(clientId, refreshToken, {
        scope: 'openid orders:read',
        resource: OPAQUE,
      })

      expect({ status, error: body.error }).toEqual({ status: 400, error: 'invalid_target' })
    })

    it('[A7] refreshes for some of its scopes, and gets a token for the API that has them', async () => {
      const { refresh_token: refreshToken } = await tokensOf(clientId, 'openid orders:read opaque:read')

      const { body } = await refreshed(clientId, refreshToken, { scope: 'opaque:read' })

      expect(body.scope).toBe('opaque:read')
      expect(await isForAnApi(body.access_token)).toBe(true)
      expect(body.access_token).toMatch(/^a/)
    })
  })

  it('[A7] once consented to one API, a silent request reaches no other', async () => {
    const agent = createUserAgent(app)
    const tokens = await tokensOf('spa', 'openid orders:read', agent)
    expect([decodeJwt(String(tokens.access_token)).aud].flat()[0]).toBe(ORDERS)

    for (const resource of [SHARED, OPAQUE]) {
      for (const scope of ['openid', 'openid orders:read']) {
        const params = { client_id: 'spa', redirect_uri: CALLBACK, prompt: 'none', resource, scope }
        expectErrorAtClient(await authorize(agent, params), 'invalid_target', CALLBACK)
      }
    }
  })

  it('[A7] a pushed request (RFC 9126) is held to the same', async () => {
    const params = {
      client_id: 'spa',
      redirect_uri: CALLBACK,
      response_type: 'code',
      scope: 'openid',
      resource: ORDERS,
    }
    const pkce = { code_challenge: 'a'.repeat(43), code_challenge_method: 'S256' }

    const { status, body } = await post(`${app.issuer}/par`, { ...params, ...pkce })

    expect({ status, error: body.error }).toEqual({ status: 400, error: 'invalid_target' })
  })

  describe('a machine', () => {
    const asks = (params: Params, clientId = 'machine') =>
      post(`${app.issuer}/token`, { grant_type: 'client_credentials', ...params }, basic(clientId))

    it.each(APIS)('[A7] gets no token for %s without a scope of it', async (resource) => {
      const other = resource === ORDERS ? 'shared:read' : 'orders:read'
      for (const scope of [other, 'openid', 'unknown']) {
        const { status, body } = await asks({ resource, scope })
        expect({ status, error: body.error }, String(scope)).toEqual({ status: 400, error: 'invalid_target' })
      }
    })

    it('[A7] gets no token for scopes that are of no API (RFC 6749 section 3.3)', async () => {
      const { status, body } = await asks({ scope: 'order:read' })

      expect({ status, error: body.error }).toEqual({ status: 400, error: 'invalid_scope' })
    })

    it('[A7] that asks for nothing gets all that it has at one API, and is told so (RFC 6749 sections 3.3, 5.1)', async () => {
      const { body } = await asks({})

      expect(body.scope).toBe('orders:read')
      expect(decodeJwt(String(body.access_token))).toMatchObject({ aud: ORDERS, scope: 'orders:read' })
    })

    it('[A7] that has no scope at an API gets no token for it', async () => {
      for (const params of [{}, { resource: ORDERS }, { resource: ORDERS, scope: 'orders:read' }]) {
        expect((await asks(params, 'machine-of-none')).status).toBe(400)
      }
    })
  })
})
