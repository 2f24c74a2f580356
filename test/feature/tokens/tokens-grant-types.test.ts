import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Running, start } from '../../support/start.ts'
import type { UserAgent } from '../../support/user-agent.ts'
import {
  basic,
  CALLBACK,
  confidential,
  newCode,
  type Params,
  post,
  redemption,
  signedIn,
} from '../../support/requests.ts'

/** What no client can be given here: too old to be safe (RFC 9700 section 2.4), or not built. */
const UNKNOWN = [
  'password',
  'implicit',
  'urn:ietf:params:oauth:grant-type:device_code',
  'urn:openid:params:grant-type:ciba',
  'urn:ietf:params:oauth:grant-type:jwt-bearer',
  'urn:ietf:params:oauth:grant-type:saml2-bearer',
  'urn:ietf:params:oauth:grant-type:token-exchange',
  'urn:ietf:params:oauth:grant-type:pre-authorized_code',
]

describe('[S58] grant types', () => {
  let app: Running
  let alice: UserAgent
  beforeAll(async () => {
    app = await start({
      clients: [
        confidential('signs-in', { grantTypes: ['authorization_code'] }),
        confidential('refreshes', { grantTypes: ['authorization_code', 'refresh_token'] }),
        confidential('machine', { grantTypes: ['client_credentials'], redirectUris: [] }),
        { clientId: 'spa', redirectUris: [CALLBACK] },
      ],
    })
    alice = await signedIn(app)
  })
  afterAll(() => app.close())

  const token = (params: Params, clientId: string) => {
    return clientId === 'spa'
      ? post(`${app.issuer}/token`, { ...params, client_id: clientId })
      : post(`${app.issuer}/token`, { ...params, client_id: undefined }, basic(clientId))
  }

  async function tokensOf(clientId: string) {
    const granted = await newCode(alice, { clientId, redirectUri: CALLBACK })
    const { status, body } = await token(redemption(granted, { redirect_uri: CALLBACK }), clientId)
    expect(status).toBe(200)
    return body
  }

  it.each([
    ['client_credentials', 'signs-in'],
    ['client_credentials', 'refreshes'],
    ['client_credentials', 'spa'],
    ['authorization_code', 'machine'],
    ['refresh_token', 'machine'],
    ['refresh_token', 'signs-in'],
  ])('%s is not for %s, to which it was not given', async (grant, clientId) => {
    const { code, pkce } = await newCode(alice, { clientId: 'refreshes', redirectUri: CALLBACK })
    const { refresh_token: refreshToken } = await tokensOf('refreshes')
    const params = {
      grant_type: grant,
      ...(grant === 'authorization_code' && { code, code_verifier: pkce.verifier, redirect_uri: CALLBACK }),
      ...(grant === 'refresh_token' && { refresh_token: String(refreshToken) }),
    }

    const { status, body } = await token(params, clientId)

    expect({ status, error: body.error }).toEqual({ status: 400, error: 'unauthorized_client' })
    expect(await tokenOfRefresh(String(refreshToken))).toBeTypeOf('string')
  })

  async function tokenOfRefresh(refreshToken: string): Promise<unknown> {
    const params = { grant_type: 'refresh_token', refresh_token: refreshToken }
    return (await token(params, 'refreshes')).body.access_token
  }

  it('a client without refresh_token gets no refresh token', async () => {
    expect(await tokensOf('signs-in')).not.toHaveProperty('refresh_token')
    expect(await tokensOf('refreshes')).toHaveProperty('refresh_token')
  })

  it('a client without authorization_code has no authorization', async () => {
    const response = await alice.get(`/authorize?client_id=machine&response_type=code&redirect_uri=${CALLBACK}`)

    expect(response.status).toBe(400)
    expect(response.headers.get('location')).toBeNull()
  })

  it.each(UNKNOWN)('%s is unknown to the server', async (grant) => {
    const params = {
      grant_type: grant,
      ...{ username: 'alice@example.com', password: 'wonderland-2026', scope: 'openid' },
      ...{ device_code: 'x', auth_req_id: 'x', assertion: 'x', subject_token: 'x', subject_token_type: 'x' },
    }

    for (const clientId of ['signs-in', 'refreshes', 'machine', 'spa']) {
      const { status, body } = await token(params, clientId)
      expect({ status, error: body.error }).toEqual({ status: 400, error: 'unsupported_grant_type' })
    }
  })

  it('discovery names three, and no endpoint of another', async () => {
    const metadata = await (await fetch(`${app.issuer}/.well-known/openid-configuration`)).json()

    expect((metadata as { grant_types_supported: string[] }).grant_types_supported.sort()).toEqual([
      'authorization_code',
      'client_credentials',
      'refresh_token',
    ])
    const members = Object.keys(metadata as object)
    expect(members.filter((name) => /device|backchannel_(authentication|token)|check_session/.test(name))).toEqual([])
    for (const path of ['/device', '/device/auth', '/device_authorization', '/backchannel', '/bc-authorize']) {
      expect((await fetch(app.issuer + path, { method: 'POST' })).status).toBe(404)
    }
  })
})
