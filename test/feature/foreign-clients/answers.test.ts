/** Answers that programs read more strictly than their specification asks. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { redirectUriWants } from '../../../src/registry/client/redirect-uris.ts'
import { startApp } from '../../../src/app.ts'
import { createLog } from '../../../src/audit/log.ts'
import {
  basic,
  CALLBACK,
  confidential,
  KINDS_OF_API,
  newCode,
  OPAQUE,
  ORDERS,
  post,
  redemption,
  SCOPE_OF,
} from '../../support/requests.ts'
import { type Running, start } from '../../support/start.ts'
import { createUserAgent, newPkce, signIn } from '../../support/user-agent.ts'

let app: Running
/** The same server without a fast path. */
let engineOnly: Awaited<ReturnType<typeof startApp>>
let urls: Record<string, string>
beforeAll(async () => {
  app = await start({
    apis: KINDS_OF_API,
    clients: [
      confidential('machine', { apis: { [OPAQUE]: ['opaque:read'], [ORDERS]: ['orders:read'] } }),
      confidential('api', { grantTypes: [], redirectUris: [], apis: {} }),
      { clientId: 'agent', firstParty: true },
      { clientId: 'desktop', firstParty: true, applicationType: 'native', redirectUris: ['http://localhost/callback'] },
    ],
  })
  engineOnly = await startApp({ ...app.config, port: 0, fastPath: false }, { log: createLog({ level: 'silent' }) })
  urls = { 'the fast path': app.issuer, 'the engine': engineOnly.url }
})
afterAll(async () => {
  await engineOnly.close()
  await app.close()
})

const WAYS = ['the fast path', 'the engine']

describe('[C6] a revocation', () => {
  it.each(['a token', 'no token'])('of %s is answered with nothing, and not called text', async (what) => {
    const { body } = await post(`${app.issuer}/token`, { grant_type: 'client_credentials' }, basic('machine'))
    const token = what === 'a token' ? String(body.access_token) : 'none'

    const { status, headers, text } = await post(`${app.issuer}/revoke`, { token }, basic('machine'))

    expect({ status, text }).toEqual({ status: 200, text: '' })
    expect(headers.get('content-type')).toBeNull()
  })
})

describe.each(WAYS)('[C9] introspection of the token of a machine, by %s', (way) => {
  it.each([OPAQUE, ORDERS])('names the client as subject, for %s', async (resource) => {
    const url = urls[way] as string
    const asked = { grant_type: 'client_credentials', resource, scope: SCOPE_OF[resource] }
    const { body } = await post(`${url}/token`, asked, basic('machine'))

    const answer = await post(`${url}/introspect`, { token: String(body.access_token) }, basic('api'))

    expect(answer.body).toMatchObject({ active: true, sub: 'machine', client_id: 'machine' })
  })
})

describe.each(WAYS)(
  '[C10] a public client that sends its id with an empty secret (RFC 6749 section 2.3.1), by %s',
  (way) => {
    const EMPTY = basic('agent', '')

    it('redeems, refreshes and revokes', async () => {
      const url = urls[way] as string
      const granted = await newCode(createUserAgent(app), { clientId: 'agent', redirectUri: CALLBACK, scope: 'openid' })
      const form = redemption(granted, { client_id: undefined, redirect_uri: CALLBACK })

      const { body, text } = await post(`${url}/token`, form, EMPTY)
      expect(body, text).toHaveProperty('access_token')
      const refreshed = await post(
        `${url}/token`,
        { grant_type: 'refresh_token', refresh_token: String(body.refresh_token), client_id: 'agent' },
        EMPTY,
      )
      expect(refreshed.body, refreshed.text).toHaveProperty('access_token')
      expect((await post(`${url}/revoke`, { token: String(body.access_token) }, EMPTY)).status).toBe(200)
    })

    it.each([
      ['a confidential client', basic('machine', '')],
      ['an unknown client', basic('nobody', '')],
      ['a secret that it does not have', basic('agent', 'x')],
    ])('is not helped for %s', async (_name, headers) => {
      const { status, body } = await post(`${urls[way]}/token`, { grant_type: 'client_credentials' }, headers)

      expect([400, 401]).toContain(status)
      expect(['invalid_request', 'invalid_client']).toContain(body.error)
    })

    it('is not another client than the body names', async () => {
      const form = { grant_type: 'refresh_token', refresh_token: 'x', client_id: 'machine' }

      expect((await post(`${urls[way]}/token`, form, EMPTY)).body.error).toBe('invalid_client')
    })
  },
)

describe('[C10] a native client (RFC 8252)', () => {
  it.each(['http://localhost/callback', 'http://localhost:8400/callback', 'http://127.0.0.1/cb', 'http://[::1]:1/cb'])(
    'may register %s in production',
    (uri) => {
      expect(redirectUriWants(uri, { native: true, production: true })).toBeUndefined()
      expect(redirectUriWants(uri, { native: false, production: true })).toBeDefined()
    },
  )

  it('listens on any port of localhost, and on no other host or path (section 7.3)', async () => {
    const at = (redirectUri: string) =>
      signIn(createUserAgent(app), newPkce(), { clientId: 'desktop', redirectUri, scope: 'openid' })

    expect((await at('http://localhost:49152/callback')).has('code')).toBe(true)
    for (const uri of [
      'http://localhost:49152/other',
      'http://localhost.evil.example:1/callback',
      'http://127.0.0.1:1/callback',
    ])
      await expect(at(uri)).rejects.toThrow(/400/)
  })
})
