/** Two applications that know a person by different subjects find nothing in their tokens that is the same (OpenID Connect Core section 17.3). */

import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createVerifier, TokenRevoked } from '../../../src/resource/index.ts'
import { type Running, start } from '../../support/start.ts'
import { createUserAgent, newPkce, type Page, signIn, type UserAgent } from '../../support/user-agent.ts'
import { basic, confidential, newCode, OPAQUE, ORDERS, post, redemption, userinfo } from '../../support/requests.ts'

const APIS = { [ORDERS]: ['orders:read'], [OPAQUE]: ['opaque:read'] }
const CLIENTS = ['a', 'b'].map((name) =>
  confidential(name, {
    subjectType: 'pairwise',
    redirectUris: [`https://${name}.example/callback`],
    apis: APIS,
    firstParty: true,
  }),
)

/** What tells nothing: constants of the server, moments, and what the request itself said. */
const SAID_TO_ALL = [
  'iss',
  'aud',
  'iat',
  'exp',
  'auth_time',
  'amr',
  'scope',
  'token_type',
  'active',
  'email',
  'email_verified',
]

describe.each([{ fastPath: true }, { fastPath: false }])('two clients with pairwise subjects, with %o', (config) => {
  let app: Running
  beforeAll(async () => {
    app = await start({
      config,
      apis: [
        { audience: ORDERS, introspectedBy: ['api'] },
        { audience: OPAQUE, tokenFormat: 'opaque', scopes: { 'opaque:read': 'Read' }, introspectedBy: ['api'] },
      ],
      clients: [...CLIENTS, confidential('api', { grantTypes: [], redirectUris: [], scopes: [], apis: {} })],
    })
  })
  afterAll(() => app.close())

  async function tokensOf(agent: UserAgent, clientId: string, scope: string) {
    const callback = `https://${clientId}.example/callback`
    const granted = await newCode(agent, { clientId, redirectUri: callback, scope })
    const params = redemption(granted, { client_id: undefined, redirect_uri: callback })
    const { body, text } = await post(`${app.issuer}/token`, params, basic(clientId))
    expect(body.access_token, text).toBeDefined()
    return { code: granted.code, ...(body as { access_token: string; refresh_token: string; id_token: string }) }
  }

  const asked = async (token: string, clientId: string) =>
    (await post(`${app.issuer}/introspect`, { token }, basic(clientId))).body

  /** All that the client learns, by name. */
  async function learned(agent: UserAgent, clientId: string, scope: string): Promise<Record<string, unknown>> {
    const { code, access_token: access, refresh_token: refresh, id_token: id } = await tokensOf(agent, clientId, scope)
    const told: Record<string, object> = {
      'ID token': decodeJwt(id),
      userinfo: (await (await userinfo(app.issuer, access)).json()) as object,
      'access token introspected by the client': await asked(access, clientId),
      'access token introspected by the API': await asked(access, 'api'),
      'refresh token introspected': await asked(refresh, clientId),
      ...(access.includes('.') ? { 'access token': decodeJwt(access) } : {}),
    }
    const claims = Object.entries(told).flatMap(([where, values]) =>
      Object.entries(values)
        .filter(([name]) => !SAID_TO_ALL.includes(name))
        .map(([name, value]) => [`${name} of the ${where}`, value] as const),
    )
    const ofAccess = access.includes('.') ? `g${String(decodeJwt(access).gid)}` : access
    const handles = { code, refresh, 'access token': ofAccess }
    const shards = Object.entries(handles).map(([name, value]) => [`shard of the ${name}`, value.slice(1, 3)] as const)
    return Object.fromEntries([...claims, ...shards])
  }

  it.each(['openid email orders:read', 'openid email opaque:read'])('[A8] share no value: %s', async (scope) => {
    const rounds: (readonly [Record<string, unknown>, Record<string, unknown>])[] = []
    for (let round = 0; round < 3; round++) {
      const agent = createUserAgent(app)
      await signIn(agent, newPkce(), { scope: 'openid' })
      rounds.push([await learned(agent, 'a', scope), await learned(agent, 'b', scope)] as const)
    }

    // One shard is that of another by chance once in 4096: what is the same in every session is not chance.
    const shared = Object.keys(rounds[0]?.[0] ?? {}).filter((name) => rounds.every(([a, b]) => a[name] === b[name]))
    expect(shared).toEqual([])
  })

  it('[A8] lose their tokens with the session all the same, at verifiers too', async () => {
    const agent = createUserAgent(app)
    await signIn(agent, newPkce(), { scope: 'openid' })
    const scope = 'openid orders:read'
    const tokens = await Promise.all(['a', 'b'].map(async (id) => (await tokensOf(agent, id, scope)).access_token))
    const machine = { clientId: 'demo-machine', clientSecret: 'demo-machine-secret-not-for-production' }
    const verifier = createVerifier({ issuer: app.issuer, audience: ORDERS, revocations: machine })
    await verifier.prepare()
    for (const token of tokens) await verifier.verify(token)
    expect(new Set(tokens.map((token) => decodeJwt(token).sid)).size).toBe(2)

    const { page } = await agent.follow(await agent.get('/logout'))
    await agent.submit(page as Page, '/logout/confirm', { logout: 'yes' })

    for (const token of tokens) {
      expect((await asked(token, 'api')).active).toBe(false)
      await expect.poll(() => verifier.verify(token).catch((error: unknown) => error)).toBeInstanceOf(TokenRevoked)
    }
    await verifier.close()
  })
})
