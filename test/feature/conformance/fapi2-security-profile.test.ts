/**
 * The FAPI 2.0 security profile (final) with private_key_jwt and DPoP, by the names of the OpenID Foundation's test modules.
 *
 * What each module asks for is our own reading of the profile. The client has the three settings that the profile wants.
 */

import { decodeJwt, decodeProtectedHeader, type JWTPayload, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import {
  authorizationParams,
  type Answer,
  ASSERTION_TYPE,
  CALLBACK,
  type KeyedClient,
  keyed,
  type Params,
  post,
  read,
} from '../../support/requests.ts'
import { type Running, start } from '../../support/start.ts'
import { ALICE, createUserAgent, newPkce, type Pkce, signInAt, type UserAgent } from '../../support/user-agent.ts'
import { askUserinfo, newProofKey, type ProofKey } from '../dpop/dpop-proofs.ts'

const FAPI = {
  firstParty: true,
  idTokenAlgorithm: 'ES256',
  pushedRequestsOnly: true,
  dpopBound: true,
  grantTypes: ['authorization_code', 'refresh_token'],
} as const
const first = keyed('fapi')
const second = keyed('fapi-2')

let app: Running
/** Proofs are judged by the system's time, so the server's clock runs with it until a module moves it. */
let aheadSeconds = 0
const clock = () => Date.now() + aheadSeconds * 1000
let key: ProofKey
let alice: UserAgent
beforeAll(async () => {
  app = await start({
    clock,
    clients: [first, second].map(({ settings }) => ({ ...settings, ...FAPI })),
  })
  key = await newProofKey()
  alice = createUserAgent(app)
  await flow({ agent: alice })
})
afterAll(() => app.close())

interface Wishes {
  readonly client?: KeyedClient
  readonly agent?: UserAgent
  readonly pushed?: Params
  readonly proofAtPar?: ProofKey
}

interface Granted {
  readonly client: KeyedClient
  readonly pkce: Pkce
  readonly callback: URLSearchParams
}

type Claims = Readonly<Record<string, unknown>>

async function signed(client: KeyedClient, claims: Claims = {}): Promise<Params> {
  const whole = { exp: now() + 60, ...claims } as JWTPayload
  const client_assertion = await client.assertion(app.issuer, whole)
  return { client_assertion_type: ASSERTION_TYPE, client_assertion }
}

async function push(params: Params = {}, { client = first, proof }: { client?: KeyedClient; proof?: ProofKey } = {}) {
  const pkce = newPkce()
  const headers = proof === undefined ? {} : { dpop: await proof.prove(`${app.issuer}/par`) }
  const whole = {
    ...(await signed(client)),
    ...authorizationParams({ client_id: client.settings.clientId, redirect_uri: CALLBACK, ...params }, pkce),
  }
  return { pkce, answer: await post(`${app.issuer}/par`, whole, headers) }
}

function addressOf(requestUri: unknown, clientId = 'fapi', more: Record<string, string> = {}): string {
  return `/authorize?${new URLSearchParams({ client_id: clientId, request_uri: String(requestUri), ...more }).toString()}`
}

/** Pushes, signs in, and comes back with a code. */
async function flow({ client = first, agent = alice, pushed, proofAtPar }: Wishes = {}): Promise<Granted> {
  const { pkce, answer } = await push(pushed, { client, ...(proofAtPar && { proof: proofAtPar }) })
  expect(answer.status, answer.text).toBe(201)
  const url = await signInAt(agent, addressOf(answer.body.request_uri, client.settings.clientId))
  return { client, pkce, callback: url.searchParams }
}

async function redeem({ client, pkce, callback }: Granted, params: Params = {}, proof: ProofKey | null = key) {
  const headers = proof === null ? {} : { dpop: await proof.prove(`${app.issuer}/token`) }
  const whole = {
    ...(await signed(client)),
    grant_type: 'authorization_code',
    code: String(callback.get('code')),
    redirect_uri: CALLBACK,
    code_verifier: pkce.verifier,
    ...params,
  }
  return post(`${app.issuer}/token`, whole, headers)
}

async function resourceStatus(token: unknown, { proof = key, scheme = 'DPoP', claims = {} } = {}) {
  const address = `${app.issuer}/userinfo`
  const value = String(token)
  const answer = await askUserinfo(app.issuer, {
    scheme,
    token: value,
    proof: await proof.proveFor(address, value, claims),
  })
  return answer.status
}

async function authorizationError(params: Params, requestUri?: string): Promise<string | null | undefined> {
  const { answer } = await push(params)
  if (answer.status !== 201) return String(answer.body.error)
  const arrival = await read(await alice.get(addressOf(requestUri ?? answer.body.request_uri)))
  return arrival.location?.searchParams.get('error') ?? (arrival.status >= 400 ? 'page' : undefined)
}

const isRefused = (answer: { status: number; body: Record<string, unknown> }, ...errors: string[]) => {
  expect([400, 401], JSON.stringify(answer.body)).toContain(answer.status)
  expect(errors).toContain(answer.body.error)
}

const now = () => Math.floor(clock() / 1000)
const SECOND_KEY = newProofKey()

const MODULES: Readonly<Record<string, () => Promise<void>>> = {
  'discovery-end-point-verification': async () => {
    const metadata = await (await fetch(`${app.issuer}/.well-known/openid-configuration`)).json()
    expect(metadata).toMatchObject({
      issuer: app.issuer,
      pushed_authorization_request_endpoint: `${app.issuer}/par`,
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      token_endpoint_auth_methods_supported: expect.arrayContaining(['private_key_jwt']),
      dpop_signing_alg_values_supported: expect.arrayContaining(['ES256', 'PS256']),
      id_token_signing_alg_values_supported: expect.arrayContaining(['ES256']),
      grant_types_supported: expect.arrayContaining(['authorization_code']),
    })
  },
  'happy-flow': async () => {
    for (const client of [first, second]) {
      const granted = await flow({ client, pushed: { nonce: 'a-nonce' } })
      expect(granted.callback.get('iss')).toBe(app.issuer)
      expect(granted.callback.get('state')).toBe('a-state')
      const { status, body, headers } = await redeem(granted)
      expect({ status, type: body.token_type }).toEqual({ status: 200, type: 'DPoP' })
      expect(headers.get('cache-control')).toContain('no-store')
      expect(decodeProtectedHeader(String(body.id_token)).alg).toBe('ES256')
      expect(decodeJwt(String(body.id_token))).toMatchObject({ aud: client.settings.clientId, nonce: 'a-nonce' })
      expect(await resourceStatus(body.access_token)).toBe(200)
      expect(await resourceStatus(body.access_token, { proof: await SECOND_KEY })).toBe(401)
      expect(await resourceStatus(body.access_token, { scheme: 'Bearer' })).not.toBe(200)
    }
  },
  'user-rejects-authentication': async () => {
    const agent = createUserAgent(app)
    const { answer } = await push()
    const { page } = await agent.follow(await agent.get(addressOf(answer.body.request_uri)))
    const { left } = await agent.follow(await agent.submit(page as NonNullable<typeof page>, '/abort'))
    expect(left?.searchParams.get('error')).toBe('access_denied')
    expect(left?.searchParams.get('state')).toBe('a-state')
  },
  'ensure-authorization-request-without-state-success': async () => {
    expect((await flow({ pushed: { state: undefined } })).callback.has('state')).toBe(false)
  },
  'ensure-authorization-request-without-nonce-success': async () => {
    const { body } = await redeem(await flow())
    expect(decodeJwt(String(body.id_token))).not.toHaveProperty('nonce')
  },
  'ensure-authorization-request-with-64-char-nonce-success': async () => expectNonce('n'.repeat(64)),
  'ensure-authorization-request-with-long-nonce': async () => expectNonce('n'.repeat(384)),
  'ensure-authorization-request-with-long-state': async () => {
    const state = 's'.repeat(1000)
    expect((await flow({ pushed: { state } })).callback.get('state')).toBe(state)
  },
  'ensure-other-scope-order-succeeds': async () => {
    const { body } = await redeem(await flow({ pushed: { scope: 'orders:read email openid' } }))
    expect(body).toHaveProperty('id_token')
  },
  'access-token-type-header-case-sensitivity': async () => {
    const { body } = await redeem(await flow())
    for (const scheme of ['dpop', 'DPOP']) expect(await resourceStatus(body.access_token, { scheme })).toBe(200)
  },
  'ensure-client-id-in-token-endpoint': async () => {
    isRefused(await redeem(await flow(), { client_id: 'fapi-2' }), 'invalid_client', 'invalid_request')
  },
  'ensure-holder-of-key-required': async () => {
    isRefused(await redeem(await flow(), {}, null), 'invalid_grant', 'invalid_request', 'invalid_dpop_proof')
  },
  'ensure-authorization-code-is-bound-to-client': async () => {
    isRefused(await redeem({ ...(await flow()), client: second }), 'invalid_grant')
  },
  'attempt-reuse-authorization-code-after-one-second': async () => {
    const granted = await flow()
    const { body } = await redeem(granted)
    isRefused(await redeem(granted), 'invalid_grant')
    expect(await resourceStatus(body.access_token)).toBe(401)
  },
  'ensure-client-assertion-in-token-endpoint': async () => {
    const without = { client_assertion: undefined, client_assertion_type: undefined, client_id: 'fapi' }
    isRefused(await redeem(await flow(), without), 'invalid_client', 'invalid_request')
  },
  'ensure-invalid-client-assertions-fail': async () => {
    for (const claims of [
      { iss: 'x' },
      { sub: 'x' },
      { aud: 'https://evil.example' },
      { exp: 1 },
      { jti: undefined },
    ]) {
      isRefused((await push(await signed(first, claims))).answer, 'invalid_client', 'invalid_request')
    }
    const tampered = { client_assertion: `${String((await signed(first)).client_assertion).slice(0, -4)}AAAA` }
    isRefused((await push(tampered)).answer, 'invalid_client')
    expect((await push()).answer.status).toBe(201)
  },
  'ensure-signed-client-assertion-with-RS256-fails': async () => {
    isRefused((await push(await otherwiseSigned())).answer, 'invalid_client')
  },
  'ensure-client-assertion-with-exp-is-5-minutes-in-past-fails': async () => {
    isRefused((await push(await signed(first, { exp: now() - 300 }))).answer, 'invalid_client')
  },
  'ensure-client-assertion-with-wrong-aud-fails': async () => {
    isRefused((await push(await signed(first, { aud: `${app.issuer}/par` }))).answer, 'invalid_client')
  },
  'ensure-client-assertion-with-no-sub-fails': async () => {
    isRefused((await push(await signed(first, { sub: undefined }))).answer, 'invalid_client', 'invalid_request')
  },
  'par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted': async () => {
    expect((await push(await signed(first, { nbf: now() + 8, iat: now() + 8 }))).answer.status).toBe(201)
  },
  'ensure-mismatched-dpop-jkt-fails': async () => {
    const { answer } = await push({ dpop_jkt: (await SECOND_KEY).thumbprint }, { proof: key })
    isRefused(answer, 'invalid_request', 'invalid_dpop_proof')
  },
  'ensure-token-endpoint-fails-with-mismatched-dpop-jkt': async () => {
    isRefused(await redeem(await flow({ pushed: { dpop_jkt: (await SECOND_KEY).thumbprint } })), 'invalid_grant')
  },
  'ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt': async () => {
    isRefused(await redeem(await flow({ proofAtPar: await SECOND_KEY })), 'invalid_grant')
  },
  'ensure-dpopproof-at-par-endpoint-binding-success': async () => {
    expect((await redeem(await flow({ proofAtPar: key }))).status).toBe(200)
  },
  'ensure-dpop-auth-code-binding-success': async () => {
    expect((await redeem(await flow({ pushed: { dpop_jkt: key.thumbprint }, proofAtPar: key }))).status).toBe(200)
  },
  'check-dpop-proof-nbf-exp': async () => expectProofs({ nbf: now() - 10, exp: now() + 60 }),
  'ensure-dpopproof-with-iat-10seconds-before-succeeds': async () =>
    expectProofs({ iat: Math.floor(Date.now() / 1000) - 10 }),
  'ensure-dpopproof-with-iat-10seconds-after-succeeds': async () =>
    expectProofs({ iat: Math.floor(Date.now() / 1000) + 10 }),
  'refresh-token': async () => {
    const { body } = await redeem(await flow())
    const form = { grant_type: 'refresh_token', refresh_token: String(body.refresh_token) }
    const dpop = () => key.prove(`${app.issuer}/token`)
    const ask = async (params: Params, headers = {}) => post(`${app.issuer}/token`, { ...form, ...params }, headers)
    isRefused(await ask(await signed(first)), 'invalid_grant', 'invalid_request', 'invalid_dpop_proof')
    isRefused(await ask({ client_id: 'fapi' }, { dpop: await dpop() }), 'invalid_client', 'invalid_request')
    isRefused(await ask(await signed(second), { dpop: await dpop() }), 'invalid_grant')
    const refreshed = await ask(await signed(first), { dpop: await dpop() })
    expect(refreshed.body.token_type, refreshed.text).toBe('DPoP')
    expect(await resourceStatus(refreshed.body.access_token)).toBe(200)
  },
  'par-ensure-pkce-required': async () => {
    const without = { code_challenge: undefined, code_challenge_method: undefined }
    expect(await authorizationError(without)).toBe('invalid_request')
  },
  'par-plain-pkce-rejected': async () => {
    expect(await authorizationError({ code_challenge_method: 'plain' })).toBe('invalid_request')
  },
  'ensure-pkce-code-verifier-required': async () => {
    isRefused(await redeem(await flow(), { code_verifier: undefined }), 'invalid_grant', 'invalid_request')
  },
  'incorrect-pkce-code-verifier-rejected': async () => {
    isRefused(await redeem(await flow(), { code_verifier: newPkce().verifier }), 'invalid_grant')
  },
  'par-without-duplicate-parameters': async () => {
    expect((await flow()).callback.has('code')).toBe(true)
  },
  'ensure-different-nonce-inside-and-outside-request-object': async () => expectOutsideIgnored({ nonce: 'outside' }),
  'ensure-different-state-inside-and-outside-request-object': async () => expectOutsideIgnored({ state: 'outside' }),
  'state-only-outside-request-object-not-used': async () => {
    const { answer } = await push({ state: undefined })
    const url = await signInAt(alice, addressOf(answer.body.request_uri, 'fapi', { state: 'outside' }))
    expect(url.searchParams.has('state')).toBe(false)
  },
  'ensure-request-object-without-redirect-uri-fails': async () => {
    expect(await authorizationError({ redirect_uri: undefined })).toMatch(/invalid_request|page/)
  },
  'ensure-redirect-uri-in-authorization-request': async () => {
    expect(await authorizationError({ redirect_uri: undefined })).toMatch(/invalid_request|page/)
  },
  'ensure-registered-redirect-uri': async () => {
    expect(await authorizationError({ redirect_uri: `${CALLBACK}/other` })).toMatch(
      /invalid_request|invalid_redirect_uri/,
    )
  },
  'par-ensure-reused-request-uri-prior-to-auth-completion-succeeds': async () => {
    const { answer } = await push()
    const address = addressOf(answer.body.request_uri)
    const stranger = createUserAgent(app)
    await stranger.follow(await stranger.get(address))
    expect((await signInAt(stranger, address, ALICE)).searchParams.has('code')).toBe(true)
  },
  'par-attempt-reuse-request_uri': async () => {
    const { answer } = await push()
    const address = addressOf(answer.body.request_uri)
    await signInAt(alice, address)
    expectNoCode(await read(await alice.get(address)))
  },
  'par-attempt-to-use-request_uri-for-different-client': async () => {
    const { answer } = await push()
    expectNoCode(await read(await alice.get(addressOf(answer.body.request_uri, 'fapi-2'))))
  },
  'par-authorization-request-containing-request_uri-form-param': async () => {
    isRefused((await push({ request_uri: 'urn:x' })).answer, 'invalid_request', 'request_uri_not_supported')
  },
  'par-attempt-invalid-http-method': async () => {
    expect((await fetch(`${app.issuer}/par`, { method: 'PUT' })).status).toBe(405)
  },
  'ensure-unsigned-authorization-request-without-using-par-fails': async () => {
    const params = {
      ...{ client_id: 'fapi', redirect_uri: CALLBACK, response_type: 'code', scope: 'openid' },
      ...{ code_challenge: newPkce().challenge, code_challenge_method: 'S256' },
    }
    const { location } = await read(await alice.get(`/authorize?${new URLSearchParams(params).toString()}`))
    expect(location?.searchParams.get('error')).toBe('invalid_request')
  },
  'ensure-response-type-code-idtoken-fails': async () => {
    const error = await authorizationError({ response_type: 'code id_token', nonce: 'n' })
    expect(error).toMatch(/unsupported_response_type|invalid_request/)
  },
  'ensure-response-type-token-fails': async () => {
    expect(await authorizationError({ response_type: 'token' })).toMatch(/unsupported_response_type|invalid_request/)
  },
  // These move the server's clock, which the engine's own clock does not follow, so they come last.
  'ensure-token-endpoint-fails-with-expired-auth-code': async () => {
    const granted = await flow()
    aheadSeconds += 80
    isRefused(await redeem(granted), 'invalid_grant')
  },
  'par-attempt-to-use-expired-request_uri': async () => {
    const { answer } = await push()
    aheadSeconds += Number(answer.body.expires_in) + 60
    expectNoCode(await read(await createUserAgent(app).get(addressOf(answer.body.request_uri))))
  },
}

describe('fapi2-security-profile-final', () => {
  it.each(Object.keys(MODULES))('%s', async (name) => {
    await (MODULES[name] as () => Promise<void>)()
  })
})

async function expectNonce(nonce: string): Promise<void> {
  const { body } = await redeem(await flow({ pushed: { nonce } }))
  expect(decodeJwt(String(body.id_token)).nonce).toBe(nonce)
}

async function expectProofs(claims: JWTPayload): Promise<void> {
  const proving: ProofKey = {
    ...key,
    prove: (address, more = {}) => key.prove(address, { ...claims, ...more }),
    proveFor: (address, token, more = {}) => key.proveFor(address, token, { ...claims, ...more }),
  }
  const { body, text } = await redeem(await flow({ proofAtPar: proving }), {}, proving)
  expect(body, text).toHaveProperty('access_token')
  expect(await resourceStatus(body.access_token, { proof: proving })).toBe(200)
}

async function expectOutsideIgnored(outside: Record<string, string>): Promise<void> {
  const { answer, pkce } = await push({ nonce: 'inside' })
  const url = await signInAt(alice, addressOf(answer.body.request_uri, 'fapi', outside))
  expect(url.searchParams.get('state')).toBe('a-state')
  const { body } = await redeem({ client: first, pkce, callback: url.searchParams })
  expect(decodeJwt(String(body.id_token)).nonce).toBe('inside')
}

function expectNoCode({ location, status }: Answer): void {
  expect(location?.searchParams.has('code') ?? false).toBe(false)
  if (location === undefined) expect(status).toBe(400)
}

/** By a key that the client did not register, with an algorithm that the profile does not have. */
async function otherwiseSigned(): Promise<Params> {
  const { privateKey } = await crypto.subtle.generateKey(
    { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
    true,
    ['sign', 'verify'],
  )
  const claims = { iss: 'fapi', sub: 'fapi', aud: app.issuer, jti: 'one', iat: now(), exp: now() + 60 }
  const client_assertion = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256' }).sign(privateKey)
  return { client_assertion_type: ASSERTION_TYPE, client_assertion }
}
