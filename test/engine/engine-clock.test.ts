/** Whatever the server issues is dated, and ends, by the clock that it was given. */

import { globSync, readFileSync } from 'node:fs'

import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import {
  authorizationParams,
  basic,
  CALLBACK,
  confidential,
  KINDS_OF_API,
  newCode,
  OPAQUE,
  ORDERS,
  post,
  query,
  redemption,
  userinfo,
} from '../support/requests.ts'
import { ROOT } from '../house/root.ts'
import { movableClock } from '../support/movable-clock.ts'
import { type Running, start } from '../support/start.ts'
import { ALICE, authorizationUrl, createUserAgent, newPkce, type Page, signIn } from '../support/user-agent.ts'

/** Far from the system's, so that whatever is dated by that shows. */
const MOMENTS = { 'years ahead': Date.UTC(2031, 0, 1), 'years behind': Date.UTC(2021, 0, 1) }
const ROWS = Object.entries(MOMENTS).flatMap(([name, at]) => [true, false].map((fastPath) => ({ name, at, fastPath })))

describe.each(ROWS)('a server whose clock is $name, fastPath $fastPath', ({ at, fastPath }) => {
  const clock = movableClock(at)
  const now = () => Math.floor(clock() / 1000)
  let app: Running
  beforeAll(async () => {
    const apis = { [ORDERS]: ['orders:read'], [OPAQUE]: ['opaque:read'] }
    app = await start({
      clock,
      config: { fastPath },
      apis: KINDS_OF_API,
      clients: [
        confidential('web', { apis, firstParty: true, refreshRotation: 'always' }),
        confidential('api', { grantTypes: [], redirectUris: [], scopes: [], apis: {} }),
      ],
    })
  })
  afterAll(() => app.close())

  const web = { clientId: 'web', redirectUri: CALLBACK }
  const token = (params: object) => post(`${app.issuer}/token`, { ...params } as never, basic('web'))
  const redeem = async (granted: Awaited<ReturnType<typeof newCode>>) =>
    token(redemption(granted, { client_id: undefined, redirect_uri: CALLBACK }))
  const tokensOf = async (scope: string) =>
    (await redeem(await newCode(createUserAgent(app), { ...web, scope }))).body as Record<string, string>
  const asked = async (value: unknown, client = 'web') =>
    (await post(`${app.issuer}/introspect`, { token: String(value) }, basic(client))).body

  it.each(['openid orders:read', 'openid opaque:read'])('[B14] dates tokens by it: %s', async (scope) => {
    const tokens = await tokensOf(scope)
    await expectDated(tokens)

    const { body } = await token({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token })

    await expectDated(body)
  })

  async function expectDated({ access_token: access, refresh_token: refresh, id_token: id }: Record<string, unknown>) {
    expect(await asked(access)).toMatchObject({ active: true, iat: now(), exp: now() + 600 })
    expect(await asked(refresh)).toMatchObject({ active: true, iat: now(), exp: now() + 14 * 86_400 })
    const { iat = 0, exp = 0 } = decodeJwt(String(id))
    expect(iat).toBe(now())
    // The second of the system may end between two looks at it.
    expect(Math.abs(exp - iat - 3600)).toBeLessThanOrEqual(1)
    expect((await userinfo(app.issuer, access)).status).toBe(200)
  }

  it('[B14] dates the tokens of machines and signed answers by it', async () => {
    for (const scope of ['orders:read', 'opaque:read']) {
      const { access_token: value } = (await token({ grant_type: 'client_credentials', scope })).body
      expect(await asked(value, 'api')).toMatchObject({ active: true, iat: now(), exp: now() + 600 })
      const headers = { ...basic('api'), accept: 'application/token-introspection+jwt' }
      const { text } = await post(`${app.issuer}/introspect`, { token: String(value) }, headers)
      if (text.startsWith('ey')) expect(decodeJwt(text).iat).toBe(now())
    }
  })

  it('[B14] ends a code, an access token and a refresh token by it', async () => {
    const granted = await newCode(createUserAgent(app), { ...web, scope: 'openid' })
    clock.moveSeconds(60 + 16)
    expect((await redeem(granted)).body.error).toBe('invalid_grant')

    for (const scope of ['openid orders:read', 'openid opaque:read']) {
      const tokens = await tokensOf(scope)
      clock.moveSeconds(599)
      expect((await asked(tokens.access_token)).active).toBe(true)
      clock.moveSeconds(2 + 15)
      expect((await asked(tokens.access_token)).active).toBe(false)
      expect((await userinfo(app.issuer, tokens.access_token)).status).toBe(401)
      clock.moveSeconds(14 * 86_400)
      const request = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
      expect((await token(request)).body.error).toBe('invalid_grant')
    }
  })

  it('[B14] ends a family of refresh tokens by it, however often it is used', async () => {
    const offline = { ...web, scope: 'openid offline_access orders:read', params: { prompt: 'consent' } }
    let value = String((await redeem(await newCode(createUserAgent(app), offline))).body.refresh_token)
    for (let day = 0; day < 29; day += 7) {
      const { status, body, text } = await token({ grant_type: 'refresh_token', refresh_token: value })
      expect(status, text).toBe(200)
      value = String(body.refresh_token)
      const { exp } = await asked(value)
      expect(Number(exp) - now()).toBe(Math.min(14, 30 - day) * 86_400)
      clock.moveSeconds(7 * 86_400)
    }
    expect((await token({ grant_type: 'refresh_token', refresh_token: value })).status).toBe(400)
  })

  it('[B14] ends a session, a sign-in under way and a pushed request by it', async () => {
    const agent = createUserAgent(app)
    await signIn(agent, newPkce(), { scope: 'openid' })
    const silently = async () =>
      new URL(
        (await agent.get(authorizationUrl(newPkce(), { scope: 'openid', params: { prompt: 'none' } }))).headers.get(
          'location',
        ) ?? '',
      ).searchParams.get('error')
    clock.moveSeconds(86_000)
    expect(await silently()).toBeNull()
    clock.moveSeconds(86_000)
    expect(await silently()).toBeNull()
    clock.moveSeconds(86_400 + 16)
    expect(await silently()).toBe('login_required')

    const { page } = await agent.follow(await agent.get(authorizationUrl(newPkce())))
    clock.moveSeconds(14 * 60)
    expect((await agent.get(page?.address ?? '')).status).toBe(200)
    clock.moveSeconds(60 + 16)
    expect((await agent.submit(page as Page, '/login', ALICE)).status).toBe(400)

    const pushed = await post(`${app.issuer}/par`, authorizationParams({ client_id: 'demo-spa' }))
    const { request_uri: requestUri } = pushed.body
    clock.moveSeconds(61)
    const opened = await agent.get(`/authorize?${query({ client_id: 'demo-spa', request_uri: String(requestUri) })}`)
    expect(opened.status).toBe(400)
  })
})

/** Every file of the engine that asks the system for the time, and why that does no harm here; a new one fails. */
const ASKING: Readonly<Record<string, string>> = {
  'helpers/epoch_time.js': 'is how they ask',
  'helpers/lru.js': 'a cache',
  'helpers/challenge.js': 'DPoP nonces, given and taken by the same clock',
  'helpers/validate_dpop.js': 'a proof without a nonce; the way out is the nonce that the refusal brings',
  'helpers/jwt.js': 'dated by overrides/dates/model-dates.ts, and client assertions are judged by ours as well',
  'helpers/client_id_metadata_document.js': 'switched off',
  'shared/attest_client_auth.js': 'switched off',
  'shared/session.js': 'tells the browser what overrides/dates/model-dates.ts dated',
  'provider.js': 'a sign-in, dated by overrides/dates/model-dates.ts',
  'actions/authorization/resume.js': 'a sign-in, dated by overrides/dates/model-dates.ts',
  'actions/authorization/pushed_authorization_requests.js':
    'inside of a record that overrides/dates/model-dates.ts dates',
  'actions/registration.js': 'switched off',
  'models/interaction.js': 'dated by overrides/dates/model-dates.ts',
  'models/replay_detection.js': 'decided in the store',
  'models/client.js': 'how long keys of clients are kept',
  'models/id_token.js': 'dated by overrides/dates/model-dates.ts',
  'models/formats/opaque.js': 'dated by overrides/dates/model-dates.ts and overrides/tokens/payloads.ts',
  'models/base_model.js': 'dated by overrides/dates/model-dates.ts',
  'models/refresh_token.js': 'dated by overrides/dates/model-dates.ts',
  'models/session.js': 'dated by overrides/dates/model-dates.ts',
  'adapters/memory_adapter.js': 'not used',
}

it('[B14] knows every place where the engine asks the system for the time', () => {
  const lib = `${ROOT}/node_modules/oidc-provider/lib`
  const asking = globSync('**/*.js', { cwd: lib }).filter((path) =>
    /epoch_time|epochTime\(|Date\.now|new Date\(/.test(readFileSync(`${lib}/${path}`, 'utf8')),
  )

  expect(asking.filter((path) => ASKING[path] === undefined)).toEqual([])
  expect(Object.keys(ASKING).filter((path) => !asking.includes(path))).toEqual([])
})
