/**
 * The Basic, Form Post and Config profiles of OpenID Connect, by the names of the OpenID Foundation's test modules.
 *
 * What each module asks for is our own reading of OpenID Connect Core. Form Post repeats the Basic modules with
 * response_mode=form_post. The client is as old as the suite: it sends no PKCE.
 */

import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import {
  authorize,
  basic,
  CALLBACK,
  confidential,
  expectPageWithoutRedirect,
  type Params,
  post,
  query,
  SECRET,
  unsigned,
} from '../../support/requests.ts'
import { type Running, start } from '../../support/start.ts'
import { ALICE, createUserAgent, formsOf, newPkce, type UserAgent } from '../../support/user-agent.ts'

const SCOPES = ['openid', 'profile', 'email', 'offline_access']

let app: Running
beforeAll(async () => {
  const legacy = { firstParty: true, legacyWithoutPkce: true, scopes: SCOPES }
  app = await start({
    clients: [
      confidential('op-test', legacy),
      confidential('op-test-2', legacy),
      confidential('op-test-post', { ...legacy, authMethod: 'client_secret_post' }),
    ],
  })
})
afterAll(() => app.close())

type Mode = 'query' | 'form_post'

interface Suite {
  readonly mode: Mode
  readonly agent: UserAgent
}

/** The address or the form at which the browser comes back to the application. */
async function authorized({ mode, agent }: Suite, params: Params = {}, method: 'GET' | 'POST' = 'GET') {
  const whole: Params = {
    ...{ client_id: 'op-test', redirect_uri: CALLBACK, response_type: 'code', scope: 'openid', state: 'a-state' },
    ...{ nonce: 'a-nonce', ...(mode === 'form_post' && { response_mode: mode }) },
    ...params,
  }
  const asked = new URLSearchParams(query(whole))
  const sent =
    method === 'GET'
      ? await agent.get(`/authorize?${asked.toString()}`)
      : await agent.post('/authorize', Object.fromEntries(asked), { origin: 'https://application.example' })
  return landed(agent, sent)
}

interface Landed {
  readonly answer: URLSearchParams
  /** Whether the person was asked for a password on the way. */
  readonly signedIn: boolean
  readonly page: string
  readonly by: Mode
}

async function landed(agent: UserAgent, sent: Response): Promise<Landed> {
  let arrival = await agent.follow(sent)
  let signedIn = false
  for (let step = 0; step < 3 && arrival.page?.html.includes('name="password"') === true; step++) {
    signedIn = true
    arrival = await agent.follow(await agent.submit(arrival.page, '/login', { ...ALICE }))
  }
  const { left, page } = arrival
  const form = page === undefined ? undefined : formsOf(page.html).find(({ action }) => action === CALLBACK)
  const answer = left?.searchParams ?? new URLSearchParams(form?.hidden)
  return { answer, signedIn, page: page?.html ?? '', by: left === undefined ? 'form_post' : 'query' }
}

async function tokens({ answer }: Landed, params: Params = {}, headers = basic('op-test')) {
  const code = answer.get('code')
  expect(code, answer.toString()).toEqual(expect.any(String))
  const form = { grant_type: 'authorization_code', code: String(code), redirect_uri: CALLBACK, ...params }
  return post(`${app.issuer}/token`, form, headers)
}

async function idToken(suite: Suite, params: Params = {}) {
  const { body } = await tokens(await authorized(suite, params))
  return decodeJwt(String(body.id_token))
}

async function userinfo(suite: Suite, scope: string, ask = asHeader('GET')): Promise<Record<string, unknown>> {
  const { body } = await tokens(await authorized(suite, { scope }))
  const response = await ask(String(body.access_token))
  expect(response.status).toBe(200)
  const told = (await response.json()) as Record<string, unknown>
  expect(told.sub).toBe(decodeJwt(String(body.id_token)).sub)
  return told
}

function asHeader(method: string) {
  return (token: string) => fetch(`${app.issuer}/userinfo`, { method, headers: { authorization: `Bearer ${token}` } })
}

const works =
  (params: Params, method: 'GET' | 'POST' = 'GET') =>
  async (suite: Suite) => {
    const { body } = await tokens(await authorized(suite, params, method))
    expect(body).toHaveProperty('id_token')
  }

const MODULES: Readonly<Record<string, (suite: Suite) => Promise<void>>> = {
  'oidcc-server': async (suite) => {
    const returned = await authorized(suite)
    expect(Object.fromEntries(returned.answer)).toMatchObject({ state: 'a-state', iss: app.issuer })
    expect(returned.by).toBe(suite.mode)
    const { body } = await tokens(returned)
    const keys = createRemoteJWKSet(new URL(`${app.issuer}/jwks`))
    const { payload } = await jwtVerify(String(body.id_token), keys, { issuer: app.issuer, audience: 'op-test' })
    expect(payload).toMatchObject({ nonce: 'a-nonce', sub: expect.any(String), exp: expect.any(Number) })
    expect(body.token_type).toBe('Bearer')
  },
  'oidcc-response-type-missing': async (suite) => {
    const { answer, page } = await authorized(suite, { response_type: undefined })
    if (answer.has('error')) expect(answer.get('error')).toMatch(/invalid_request|unsupported_response_type/)
    else expect(page).toContain('invalid_request')
  },
  'oidcc-userinfo-get': async (suite) => void (await userinfo(suite, 'openid')),
  'oidcc-userinfo-post-header': async (suite) => void (await userinfo(suite, 'openid', asHeader('POST'))),
  'oidcc-userinfo-post-body': async (suite) => {
    const inBody = (token: string) =>
      fetch(`${app.issuer}/userinfo`, { method: 'POST', body: new URLSearchParams({ access_token: token }) })
    await userinfo(suite, 'openid', inBody)
  },
  'oidcc-ensure-request-without-nonce-succeeds-for-code-flow': async (suite) => {
    expect(await idToken(suite, { nonce: undefined })).not.toHaveProperty('nonce')
  },
  'oidcc-scope-profile': async (suite) => {
    expect(await userinfo(suite, 'openid profile')).toHaveProperty('name', expect.any(String))
  },
  'oidcc-scope-email': async (suite) => {
    expect(await userinfo(suite, 'openid email')).toHaveProperty('email', expect.any(String))
  },
  'oidcc-scope-address': works({ scope: 'openid address' }),
  'oidcc-scope-phone': works({ scope: 'openid phone' }),
  'oidcc-scope-all': async (suite) => {
    const told = await userinfo(suite, 'openid profile email address phone')
    expect(told).toMatchObject({ name: expect.any(String), email: expect.any(String) })
  },
  'oidcc-ensure-other-scope-order-succeeds': works({ scope: 'email openid' }),
  'oidcc-display-page': works({ display: 'page' }),
  'oidcc-display-popup': works({ display: 'popup' }),
  'oidcc-prompt-login': async (suite) => {
    const before = await idToken(suite)
    const again = await authorized(suite, { prompt: 'login' })
    expect(again.signedIn).toBe(true)
    const { auth_time: after } = decodeJwt(String((await tokens(again)).body.id_token))
    expect(Number(after)).toBeGreaterThanOrEqual(Number(before.auth_time))
  },
  'oidcc-prompt-none-not-logged-in': async ({ mode }) => {
    const { answer } = await authorized({ mode, agent: createUserAgent(app) }, { prompt: 'none' })
    expect(answer.get('error')).toMatch(/login_required|interaction_required/)
  },
  'oidcc-prompt-none-logged-in': async (suite) => {
    const before = await idToken(suite)
    const { sub, auth_time: authTime } = await idToken(suite, { prompt: 'none' })
    expect({ sub, authTime }).toEqual({ sub: before.sub, authTime: before.auth_time })
  },
  'oidcc-max-age-1': async (suite) => {
    await authorized(suite)
    // As if the second had passed: an age of zero is older than any sign-in.
    const again = await authorized(suite, { max_age: '0' })
    expect(again.signedIn).toBe(true)
    expect(decodeJwt(String((await tokens(again)).body.id_token))).toHaveProperty('auth_time')
  },
  'oidcc-max-age-10000': async (suite) => {
    await authorized(suite)
    const again = await authorized(suite, { max_age: '10000' })
    expect(again.signedIn).toBe(false)
    expect(decodeJwt(String((await tokens(again)).body.id_token))).toHaveProperty('auth_time')
  },
  'oidcc-ensure-request-with-unknown-parameter-succeeds': works({ extra: 'foobar' }),
  'oidcc-id-token-hint': async (suite) => {
    const first = await tokens(await authorized(suite))
    const again = await authorized(suite, { prompt: 'none', id_token_hint: String(first.body.id_token) })
    const { sub } = decodeJwt(String((await tokens(again)).body.id_token))
    expect(sub).toBe(decodeJwt(String(first.body.id_token)).sub)
  },
  'oidcc-login-hint': works({ login_hint: 'buffy@localhost' }),
  'oidcc-ui-locales': works({ ui_locales: 'se' }),
  'oidcc-claims-locales': works({ claims_locales: 'se' }),
  'oidcc-ensure-request-with-acr-values-succeeds': works({ acr_values: '1 2' }),
  'oidcc-codereuse': expectCodeOnce,
  'oidcc-codereuse-30seconds': expectCodeOnce,
  'oidcc-ensure-registered-redirect-uri': async ({ agent }) => {
    const redirect_uri = `${CALLBACK}/other`
    expectPageWithoutRedirect(await authorize(agent, { client_id: 'op-test', redirect_uri }))
  },
  'oidcc-ensure-post-request-succeeds': works({}, 'POST'),
  'oidcc-server-client-secret-post': async (suite) => {
    const returned = await authorized(suite, { client_id: 'op-test-post' })
    const { body } = await tokens(returned, { client_id: 'op-test-post', client_secret: SECRET }, {} as never)
    expect(body).toHaveProperty('id_token')
  },
  'oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported': async (suite) => {
    const { mode } = suite
    // The suite has all of the request in the object, and outside only what OAuth wants there.
    const within = { response_mode: mode, state: 'a-state', redirect_uri: CALLBACK, client_id: 'op-test' }
    const request = unsigned({ ...within, response_type: 'code', scope: 'openid' })
    const { answer, by } = await authorized(suite, { request, response_mode: undefined, state: undefined })
    expect({ by, error: answer.get('error') }).toEqual({ by: mode, error: 'request_not_supported' })
    expect(answer.get('state')).toBe('a-state')
  },
  'oidcc-claims-essential': works({ claims: JSON.stringify({ userinfo: { name: { essential: true } } }) }),
  'oidcc-ensure-request-object-with-redirect-uri': async (suite) => {
    const request = unsigned({ redirect_uri: 'https://evil.example/', client_id: 'op-test', response_type: 'code' })
    const { answer } = await authorized(suite, { request })
    expect(answer.get('error')).toBe('request_not_supported')
  },
  'oidcc-refresh-token': async (suite) => {
    const returned = await authorized(suite, { scope: 'openid offline_access' })
    const first = await tokens(returned)
    const form = { grant_type: 'refresh_token', refresh_token: String(first.body.refresh_token) }
    const { body } = await post(`${app.issuer}/token`, form, basic('op-test'))
    const [before, after] = [first.body, body].map(({ id_token: token }) => decodeJwt(String(token)))
    expect(after).toMatchObject({ iss: before?.iss, sub: before?.sub, aud: before?.aud })
    expect((await post(`${app.issuer}/token`, form, basic('op-test-2'))).body.error).toBe('invalid_grant')
  },
  'oidcc-ensure-request-with-valid-pkce-succeeds': async (suite) => {
    const pkce = newPkce()
    const challenge = { code_challenge: pkce.challenge, code_challenge_method: 'S256' }
    const { body } = await tokens(await authorized(suite, challenge), { code_verifier: pkce.verifier })
    expect(body).toHaveProperty('id_token')
  },
}

async function expectCodeOnce(suite: Suite): Promise<void> {
  const returned = await authorized(suite)
  const first = await tokens(returned)
  expect((await tokens(returned)).body.error).toBe('invalid_grant')
  expect((await asHeader('GET')(String(first.body.access_token))).status).toBe(401)
}

describe.each(['query', 'form_post'] as const)('the Basic modules with response_mode=%s', (mode) => {
  it.each(Object.keys(MODULES))('%s', async (name) => {
    const suite = { mode, agent: createUserAgent(app) }
    if (name.includes('oidcc-prompt-none-not')) return MODULES[name]?.(suite)
    await authorized(suite)
    await (MODULES[name] as (suite: Suite) => Promise<void>)(suite)
  })
})

describe('the Config module', () => {
  it('oidcc-discovery-endpoint-verification', async () => {
    const response = await fetch(`${app.issuer}/.well-known/openid-configuration`)
    const metadata = (await response.json()) as Record<string, unknown>

    expect(response.headers.get('content-type')).toMatch(/^application\/json/)
    expect(metadata).toMatchObject({
      issuer: app.issuer,
      scopes_supported: expect.arrayContaining(['openid']),
      response_types_supported: expect.arrayContaining(['code']),
      subject_types_supported: expect.arrayContaining(['public']),
      id_token_signing_alg_values_supported: expect.arrayContaining(['RS256']),
      claims_supported: expect.arrayContaining(['sub', 'name', 'email']),
    })
    const promised = metadata.claims_supported as string[]
    for (const none of ['preferred_username', 'picture', 'locale', 'zoneinfo']) expect(promised).not.toContain(none)
    for (const name of ['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'jwks_uri']) {
      expect(String(metadata[name]).startsWith(`${app.issuer}/`)).toBe(true)
    }
    const { keys } = (await (await fetch(String(metadata.jwks_uri))).json()) as { keys: Record<string, unknown>[] }
    expect(keys.every(({ kid, use, alg, d }) => Boolean(kid && use && alg) && d === undefined)).toBe(true)
  })
})
