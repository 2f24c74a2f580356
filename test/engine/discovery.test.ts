import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Running, start } from '../support/start.ts'

const PATHS = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']

describe('discovery', () => {
  let app: Running
  beforeAll(async () => {
    app = await start()
  })
  afterAll(() => app.close())

  async function metadata(): Promise<Record<string, unknown>> {
    return (await (await fetch(app.issuer + (PATHS[0] ?? ''))).json()) as Record<string, unknown>
  }

  it('says the same at the path of OpenID Connect and that of RFC 8414, where the feed for verifiers is named too', async () => {
    const answers = await Promise.all(PATHS.map((path) => fetch(app.issuer + path)))
    const [one, other] = (await Promise.all(answers.map((answer) => answer.json()))) as object[]

    expect(one).not.toHaveProperty('revocations_endpoint')
    expect(other).toEqual({ ...one, revocations_endpoint: `${app.issuer}/revocations` })
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect(new Set(answers.map(({ headers }) => headers.get('etag'))).size).toBe(2)
  })

  it('names endpoints of the issuer that exist', async () => {
    const endpoints = Object.entries(await metadata()).filter(([name]) => /_endpoint$|_uri$/.test(name))
    expect(endpoints.map(([name]) => name).sort()).toEqual([
      'authorization_endpoint',
      'end_session_endpoint',
      'introspection_endpoint',
      'jwks_uri',
      'pushed_authorization_request_endpoint',
      'revocation_endpoint',
      'token_endpoint',
      'userinfo_endpoint',
    ])

    for (const [, endpoint] of endpoints) {
      expect(String(endpoint).startsWith(`${app.issuer}/`)).toBe(true)
      expect((await fetch(String(endpoint), { redirect: 'manual' })).status).not.toBe(404)
    }
  })

  it('promises what the server does, and no more', async () => {
    expect(await metadata()).toMatchObject({
      issuer: app.issuer,
      response_types_supported: ['code'],
      response_modes_supported: ['query', 'form_post', 'fragment'],
      grant_types_supported: expect.arrayContaining(['authorization_code', 'refresh_token', 'client_credentials']),
      code_challenge_methods_supported: ['S256'],
      subject_types_supported: ['public', 'pairwise'],
      authorization_response_iss_parameter_supported: true,
      request_uri_parameter_supported: false,
      claims_parameter_supported: false,
      id_token_signing_alg_values_supported: ['RS256', 'ES256', 'EdDSA'],
      introspection_signing_alg_values_supported: ['RS256', 'ES256', 'EdDSA'],
      token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    })
  })

  it('answers a client that has the document with 304', async () => {
    const first = await fetch(app.issuer + (PATHS[0] ?? ''))

    const again = await fetch(app.issuer + (PATHS[0] ?? ''), {
      headers: { 'if-none-match': first.headers.get('etag') ?? '' },
    })

    expect(again.status).toBe(304)
    expect(await again.text()).toBe('')
  })
})
