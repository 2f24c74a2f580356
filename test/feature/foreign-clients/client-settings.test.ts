/** What a client's settings add to the protocol: pushed requests, DPoP, the audience of assertions, response modes. */

import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import {
  ASSERTION_TYPE,
  authorize,
  basic,
  CALLBACK,
  confidential,
  expectErrorAtClient,
  keyed,
  newCode,
  type Params,
  post,
  redemption,
} from '../../support/requests.ts'
import { type Running, start } from '../../support/start.ts'
import { createUserAgent } from '../../support/user-agent.ts'
import { newProofKey } from '../dpop/dpop-proofs.ts'

const strict = keyed('strict-key')
const lenient = keyed('lenient-key')

let app: Running
beforeAll(async () => {
  const rotating = { firstParty: true, refreshRotation: 'always' as const }
  app = await start({
    clients: [
      { ...strict.settings },
      { ...lenient.settings, assertionAudience: 'token_endpoint' },
      confidential('pushing', { firstParty: true, pushedRequestsOnly: true }),
      confidential('bound', { firstParty: true, dpopBound: true }),
      { clientId: 'bound-public', firstParty: true, dpopBound: true },
      confidential('proving', { firstParty: true }),
      confidential('proving-and-rotating', rotating),
      { clientId: 'fragment', firstParty: true, responseModes: ['fragment'] },
    ],
  })
})
afterAll(() => app.close())

describe('a client with require_pushed_authorization_requests (RFC 9126)', () => {
  it('is refused without a pushed request, and served with one', async () => {
    const request = { client_id: 'pushing', redirect_uri: CALLBACK, scope: 'openid' }
    expectErrorAtClient(await authorize(createUserAgent(app), request), 'invalid_request', CALLBACK)

    const pkce = { response_type: 'code', code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' }
    const { body } = await post(`${app.issuer}/par`, { ...request, ...pkce }, basic('pushing'))
    const params = new URLSearchParams({ client_id: 'pushing', request_uri: String(body.request_uri) })
    const { page } = await createUserAgent(app).follow(
      await createUserAgent(app).get(`/authorize?${params.toString()}`),
    )

    expect(page).toBeDefined()
  })
})

describe('a client with dpop_bound_access_tokens (RFC 9449)', () => {
  it.each([
    ['client_credentials', { grant_type: 'client_credentials' }],
    ['a code', undefined],
  ])('gets nothing for %s without a proof', async (_name, params) => {
    const granted = await newCode(createUserAgent(app), { clientId: 'bound', redirectUri: CALLBACK, scope: 'openid' })
    const form: Params = params ?? redemption(granted, { client_id: undefined, redirect_uri: CALLBACK })

    expect((await post(`${app.issuer}/token`, form, basic('bound'))).body.error).toBe('invalid_grant')
  })

  it.each(['bound', 'bound-public'])('gets, as %s, a token bound to the key of its proof', async (clientId) => {
    const { body } = await redeemed(clientId, clientId === 'bound')

    expect(body.token_type).toBe('DPoP')
    expect(decodeJwt(String(body.access_token)).cnf).toHaveProperty('jkt')
  })
})

describe('a grant whose first token was bound to a key', () => {
  it.each(['proving', 'proving-and-rotating'])(
    'never yields a bearer token to %s, whose refresh token is not bound (RFC 9449 section 5)',
    async (clientId) => {
      let { body } = await redeemed(clientId, true)
      for (let time = 0; time < 2; time++) {
        const form = { grant_type: 'refresh_token', refresh_token: String(body.refresh_token) }

        expect((await post(`${app.issuer}/token`, form, basic(clientId))).body.error).toBe('invalid_grant')

        // Any key will do: the client has proved who it is.
        const dpop = await (await newProofKey()).prove(`${app.issuer}/token`)
        const again = await post(`${app.issuer}/token`, form, { ...basic(clientId), dpop })
        expect(again.body.token_type, again.text).toBe('DPoP')
        body = again.body
      }
    },
  )

  it('can be ended without a proof', async () => {
    const { body } = await redeemed('proving', true)
    const refreshToken = String(body.refresh_token)

    await post(`${app.issuer}/revoke`, { token: refreshToken }, basic('proving'))

    const dpop = await (await newProofKey()).prove(`${app.issuer}/token`)
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken }
    const after = await post(`${app.issuer}/token`, form, { ...basic('proving'), dpop })
    expect(after.body.error).toBe('invalid_grant')
  })
})

describe('an assertion whose audience is', () => {
  const endpoint = () => `${app.issuer}/token`

  it.each([
    ['the issuer', () => app.issuer, 200, 200],
    ['the token endpoint', endpoint, 401, 200],
    ['a list of both', () => [app.issuer, endpoint()], 401, 200],
    ['a list with another server', () => [app.issuer, 'https://evil.example'], 401, 401],
    ['another endpoint', () => `${app.issuer}/par`, 401, 401],
    ['another server', () => 'https://evil.example/token', 401, 401],
  ])('%s is taken only where the settings say so', async (_name, aud, whenStrict, whenLenient) => {
    const statusOf = async (client: typeof strict) => {
      const client_assertion = await client.assertion(app.issuer, { aud: aud() })
      const form = { grant_type: 'client_credentials', client_assertion_type: ASSERTION_TYPE, client_assertion }
      return (await post(endpoint(), form)).status
    }

    expect([await statusOf(strict), await statusOf(lenient)]).toEqual([whenStrict, whenLenient])
  })
})

describe('[C8] response_mode=fragment', () => {
  const asked = (clientId: string, mode: string) =>
    authorize(createUserAgent(app), {
      ...{ client_id: clientId, redirect_uri: CALLBACK, scope: 'openid' },
      ...{ response_mode: mode, prompt: 'none' },
    })

  it('brings the answer in the fragment to a client that registered it', async () => {
    const agent = createUserAgent(app)
    await newCode(agent, { clientId: 'proving', redirectUri: CALLBACK, scope: 'openid' })

    const answer = await authorize(agent, {
      ...{ client_id: 'fragment', redirect_uri: CALLBACK, scope: 'openid', response_mode: 'fragment' },
    })

    const fragment = new URLSearchParams(answer.location?.hash.slice(1))
    expect(answer.location?.search).toBe('')
    expect(fragment.get('code')).toEqual(expect.any(String))
    expect(fragment.get('state')).toBe('a-state')
    expect(fragment.get('iss')).toBe(app.issuer)
  })

  it('brings errors there as well', async () => {
    const { location } = await asked('fragment', 'fragment')

    expect(new URLSearchParams(location?.hash.slice(1)).get('error')).toBe('login_required')
  })

  it('[S8] is refused for a client that did not register it, and so is another mode for one that did', async () => {
    const refused = await asked('proving', 'fragment')
    expect(new URLSearchParams(refused.location?.hash.slice(1)).get('error')).toBe('invalid_request')
    expectErrorAtClient(await asked('fragment', 'query'), 'invalid_request', CALLBACK)
  })
})

async function redeemed(clientId: string, hasSecret: boolean) {
  const options = { clientId, redirectUri: CALLBACK, scope: 'openid orders:read' }
  const granted = await newCode(createUserAgent(app), options)
  const form = redemption(granted, { client_id: hasSecret ? undefined : clientId, redirect_uri: CALLBACK })
  const dpop = await (await newProofKey()).prove(`${app.issuer}/token`)
  return post(`${app.issuer}/token`, form, { ...(hasSecret ? basic(clientId) : {}), dpop })
}
