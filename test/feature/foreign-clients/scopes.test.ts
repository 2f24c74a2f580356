/** Clients that ask for no scope, for an unknown one, or for an API under the other spelling of its address. */

import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import {
  authorize,
  basic,
  CALLBACK,
  confidential,
  expectErrorAtClient,
  newCode,
  post,
  redemption,
} from '../../support/requests.ts'
import { type Running, start } from '../../support/start.ts'
import { createUserAgent } from '../../support/user-agent.ts'

const ORDERS = 'https://orders.example'
const MCP = 'https://mcp.example'
const APIS = { [ORDERS]: ['orders:read', 'orders:write'], [MCP]: ['test:read'] }

let app: Running
beforeAll(async () => {
  app = await start({
    apis: [{ audience: MCP }, { audience: 'https://slash.example/' }],
    clients: [
      confidential('many', { firstParty: true, apis: APIS }),
      confidential('wishing', { firstParty: true, apis: APIS, defaultScopes: ['openid', 'test:read'] }),
      confidential('login', { firstParty: true, apis: {} }),
      confidential('slashing', { firstParty: true, apis: { 'https://slash.example/': ['test:read'] } }),
    ],
  })
})
afterAll(() => app.close())

async function tokensOf(clientId: string, params: Record<string, string | undefined>, more = {}) {
  const options = { clientId, redirectUri: CALLBACK, params: { scope: undefined, ...params } }
  const granted = await newCode(createUserAgent(app), options)
  const form = redemption(granted, { client_id: undefined, redirect_uri: CALLBACK, ...more })
  return (await post(`${app.issuer}/token`, form, basic(clientId))).body
}

function machine(clientId: string, params: Record<string, string>) {
  return post(`${app.issuer}/token`, { grant_type: 'client_credentials', ...params }, basic(clientId))
}

const request = (clientId: string, params: Record<string, string | undefined>) => ({
  client_id: clientId,
  redirect_uri: CALLBACK,
  ...params,
})

describe('[C5] an authorization request without a scope', () => {
  it('asks for all scopes that the client has at one API', async () => {
    const body = await tokensOf('many', {})

    expect(body.scope).toBe('orders:read orders:write')
    expect(decodeJwt(String(body.access_token)).aud).toBe(ORDERS)
  })

  it('asks for the scopes of the API that it names', async () => {
    const body = await tokensOf('many', { resource: MCP })

    expect(body.scope).toBe('test:read')
    expect(decodeJwt(String(body.access_token)).aud).toBe(MCP)
  })

  it('asks for the default scopes of the client', async () => {
    const body = await tokensOf('wishing', {})

    expect(body.scope).toBe('openid test:read')
    expect(body).toHaveProperty('id_token')
  })

  it('is invalid_scope before anyone signs in where there is nothing to ask for', async () => {
    const answer = await authorize(createUserAgent(app), request('login', { scope: undefined }))

    expectErrorAtClient(answer, 'invalid_scope', CALLBACK)
  })
})

describe('[C5] a scope that the client cannot have', () => {
  it.each(['orders:raed', 'nothing at all', 'inventory:read'])(
    '"%s" alone is invalid_scope before anyone signs in',
    async (scope) => {
      for (const clientId of ['many', 'login']) {
        const answer = await authorize(createUserAgent(app), request(clientId, { scope }))
        expectErrorAtClient(answer, 'invalid_scope', CALLBACK)
      }
    },
  )

  it('is left out when there are others, and the answer says what was granted (RFC 6749 section 5.1)', async () => {
    expect((await tokensOf('many', { scope: 'orders:read orders:raed' })).scope).toBe('orders:read')
  })

  it('is refused when it is pushed', async () => {
    const params = { ...request('many', { scope: 'orders:raed' }), response_type: 'code' }
    const pkce = { code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' }

    expect((await post(`${app.issuer}/par`, { ...params, ...pkce }, basic('many'))).body.error).toBe('invalid_scope')
  })
})

describe('[C5] a machine', () => {
  it.each([
    ['no scope', 'many', {}, 'orders:read orders:write'],
    ['an API alone', 'many', { resource: MCP }, 'test:read'],
    ['a scope', 'many', { scope: 'test:read' }, 'test:read'],
  ])('that asks for %s is told what it got', async (_name, clientId, params, scope) => {
    expect((await machine(clientId, params)).body.scope).toBe(scope)
  })

  it.each([{ scope: 'orders:raed' }, { scope: 'orders:raed', resource: ORDERS }])(
    'that misspells its scope gets no token: %j',
    async (params) => {
      const { status, body } = await machine('many', params)

      expect(status).toBe(400)
      expect(['invalid_scope', 'invalid_target']).toContain(body.error)
    },
  )
})

describe('[C7] the address of an API', () => {
  it.each([
    ['many', MCP, `${MCP}/`, 'test:read'],
    ['slashing', 'https://slash.example/', 'https://slash.example', 'test:read'],
  ])('for %s is %s, also where it is written %s', async (clientId, audience, written, scope) => {
    for (const resource of [audience, written]) {
      const granted = await tokensOf(clientId, { scope, resource }, { resource })
      expect(decodeJwt(String(granted.access_token)).aud).toBe(audience)
      const { body } = await machine(clientId, { resource, scope })
      expect(decodeJwt(String(body.access_token)).aud).toBe(audience)
    }
  })

  it('is one API in two spellings of one request', async () => {
    const body = await tokensOf('many', { scope: 'test:read', resource: `${MCP}/` }, { resource: MCP })

    expect(decodeJwt(String(body.access_token)).aud).toBe(MCP)
  })

  it.each([`${MCP}//`, `${MCP}/?`, `${MCP}/x`, 'https://MCP.example', 'http://mcp.example/', `${MCP}:443/`])(
    'has no other spelling: %s',
    async (resource) => {
      expect((await machine('many', { resource, scope: 'test:read' })).body.error).toBe('invalid_target')
    },
  )
})
