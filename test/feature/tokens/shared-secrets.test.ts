/** What an API can do with the secret that signs its tokens, when it turns against the server and the other APIs. */

import { createHmac } from 'node:crypto'

import { decodeJwt, type JWTPayload, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { ConfigInvalid } from '../../../src/faults/start.ts'
import { loadConfig } from '../../../src/config/load-config.ts'
import { listEngineRoutes } from '../../support/routes.ts'
import { movableClock } from '../../support/movable-clock.ts'
import { type Running, start } from '../../support/start.ts'
import { createUserAgent } from '../../support/user-agent.ts'
import {
  basic,
  CALLBACK,
  confidential,
  KINDS_OF_API,
  newCode,
  ORDERS,
  post,
  redemption,
  SHARED,
} from '../../support/requests.ts'

const SECRET = Buffer.alloc(32, 7)
const TEN_YEARS = 10 * 365 * 86_400

describe('an API with its shared secret', () => {
  const clock = movableClock(Date.now())
  let app: Running
  beforeAll(async () => {
    const apis = { [SHARED]: ['shared:read'], [ORDERS]: ['orders:read'] }
    app = await start({
      clock,
      apis: KINDS_OF_API,
      clients: [
        { clientId: 'spa', redirectUris: [CALLBACK], apis },
        confidential('machine', { apis }),
        confidential('without-it', { apis: { [ORDERS]: ['orders:read'] } }),
        confidential('api', { grantTypes: [], redirectUris: [], scopes: [], apis: {} }),
      ],
    })
  })
  afterAll(() => app.close())

  /** A token of a person for this API, as the server issues it. */
  async function received(): Promise<{ token: string; claims: JWTPayload }> {
    const asked = { clientId: 'spa', redirectUri: CALLBACK, scope: 'openid profile shared:read' }
    const granted = await newCode(createUserAgent(app), asked)
    const { body } = await post(
      `${app.issuer}/token`,
      redemption(granted, { client_id: 'spa', redirect_uri: CALLBACK }),
    )
    const token = String(body.access_token)
    return { token, claims: decodeJwt(token) }
  }

  function mint(claims: JWTPayload): Promise<string> {
    return new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' }).sign(SECRET)
  }

  async function isActive(token: string): Promise<boolean> {
    return (await post(`${app.issuer}/introspect`, { token }, basic('api'))).body.active === true
  }

  /** With each that takes access tokens. */
  async function opened(token: string): Promise<string[]> {
    const answers = await Promise.all(
      listEngineRoutes().flatMap(({ path, methods }) =>
        methods
          .filter((method) => method !== 'OPTIONS')
          .map(async (method) => {
            const headers = { authorization: `Bearer ${token}` }
            const { status } = await fetch(app.issuer + path, { method, headers, redirect: 'manual' })
            return { route: `${method} ${path}`, status }
          }),
      ),
    )
    // These endpoints answer every caller.
    const open = ['jwks', 'well-known', 'logout']
    return answers
      .filter(({ status, route }) => status < 300 && !open.some((one) => route.includes(one)))
      .map(({ route }) => route)
  }

  it('[A4] is never given OpenID scopes in a token, nor the issuer as an audience', async () => {
    const { claims, token } = await received()

    expect(claims).toMatchObject({ aud: SHARED, scope: 'shared:read' })
    expect(await isActive(token)).toBe(true)
    expect(await opened(token)).toEqual([])
  })

  it('[A4] mints nothing that opens an endpoint of ours', async () => {
    const { claims } = await received()
    const issuer = app.issuer
    const forged = [
      claims,
      { ...claims, scope: 'openid profile email' },
      { ...claims, scope: 'openid profile email shared:read', exp: Number(claims.iat) + TEN_YEARS },
      { ...claims, aud: issuer, scope: 'openid revocations:read' },
      { ...claims, aud: [SHARED, issuer], scope: 'openid profile shared:read revocations:read' },
      { ...claims, aud: [issuer, SHARED], scope: 'openid profile revocations:read' },
      { ...claims, aud: [SHARED], scope: 'openid' },
    ]

    for (const one of forged) expect(await opened(await mint(one)), JSON.stringify(one)).toEqual([])
  })

  it('[A4] mints nothing that introspection calls active, beyond what the API is', async () => {
    const { claims } = await received()
    const { gid: _gid, ...withoutGrant } = claims
    const machine = { ...withoutGrant, client_id: 'machine', sub: 'machine' }
    const now = Number(claims.iat)
    expect(await isActive(await mint({ ...claims, jti: 'within' }))).toBe(true)
    expect(await isActive(await mint({ ...machine, jti: 'within' }))).toBe(true)

    const forged: Record<string, JWTPayload> = {
      'of ten years': { ...claims, exp: now + TEN_YEARS },
      'of one second more': { ...claims, exp: now + 601 },
      'that ends before it begins': { ...claims, iat: now + 10, exp: now + 5 },
      'with OpenID scopes': { ...claims, scope: 'openid shared:read' },
      'with a scope that the API does not have': { ...claims, scope: 'shared:read shared:admin' },
      'with a scope of another API': { ...claims, scope: 'orders:read' },
      'for another API': { ...claims, aud: ORDERS },
      'for two': { ...claims, aud: [SHARED, ORDERS] },
      'for the issuer': { ...claims, aud: app.issuer },
      'of a client that may not call the API': { ...machine, client_id: 'without-it', sub: 'without-it' },
      'of another client with this grant': { ...claims, client_id: 'machine' },
      'of a person without a grant': withoutGrant,
      'of another person with this grant': { ...claims, sub: 'usr_somebody' },
      'with a grant that there is not': { ...claims, gid: 'AAAA' },
    }
    for (const [what, one] of Object.entries(forged)) expect(await isActive(await mint(one)), what).toBe(false)
  })

  it('[A4] has its tokens revoked for as long as they live, and no longer', async () => {
    const { token, claims } = await received()
    const log = app.nodes[0]?.store
    const forged = await mint({ ...claims, jti: 'made-up', exp: Number(claims.iat) + TEN_YEARS })
    const ofAnother = await mint({ ...claims, jti: 'made-up', sub: 'usr_somebody' })

    for (const one of [token, forged, ofAnother]) await post(`${app.issuer}/revoke`, { token: one, client_id: 'spa' })

    expect(await isActive(token)).toBe(false)
    const told = (await log?.read('revocations', undefined, 100)) ?? []
    expect(told.filter(({ value }) => value.includes('"jti":"made-up"'))).toEqual([])
  })

  it('[A4] has nothing to gain from the signature of another algorithm', async () => {
    const { token } = await received()
    const [, payload = ''] = token.split('.')
    const header = Buffer.from(JSON.stringify({ alg: 'HS512', typ: 'at+jwt' })).toString('base64url')
    const signature = createHmac('sha512', SECRET).update(`${header}.${payload}`).digest('base64url')

    expect(await isActive(`${header}.${payload}.${signature}`)).toBe(false)
  })
})

describe('a configuration with shared secrets', () => {
  const secret = 'Yk9pBw7Gd2bXkgb3duIGhzMjU2IHNlY3JldM8gzT3fQ'
  const bytes = Buffer.from(secret, 'base64')
  const shared = (name: string, value = secret) => {
    return { audience: `https://${name}.example`, token: { algorithm: 'HS256', secret: value } }
  }
  const client = (client_secret: string) => {
    return { client_id: 'web', client_secret, redirect_uris: ['https://web.example/callback'] }
  }

  function problemsOf(file: object): readonly string[] {
    try {
      const env = { ISSUER: 'http://localhost:3000', GRANTOR_CONFIG: 'grantor.yaml' }
      loadConfig({ env, cwd: '/nowhere', readFile: () => JSON.stringify({ demo: false, ...file }) })
      return []
    } catch (error) {
      if (error instanceof ConfigInvalid) return error.problems
      throw error
    }
  }

  it('[A4] refuses one secret at two APIs, however it is written', () => {
    for (const value of [secret, bytes.toString('hex'), bytes.toString('base64')]) {
      const [problem] = problemsOf({ apis: [shared('a'), shared('b', value)] })
      expect(problem).toMatch(/apis\[0\]\.token\.secret is also that of "https:\/\/b\.example"/)
    }
    expect(problemsOf({ apis: [shared('a'), shared('b', 'c9e2f7a05b14d83f6a7c21be90d4583f1d'.repeat(2))] })).toEqual([])
  })

  it('[A4] refuses the secret of a client as that of an API', () => {
    for (const value of [secret, bytes.toString('hex'), bytes.toString('base64url')]) {
      const [problem] = problemsOf({ apis: [shared('a')], clients: [client(value)] })
      expect(problem).toMatch(/apis\[0\]\.token\.secret is also that of the client "web"/)
      expect(problem).not.toContain(value)
    }
  })

  it('[A4] refuses a shared secret for the server itself, and userinfo for a shared secret', () => {
    const own = { ...shared('a'), audience: 'http://localhost:3000' }
    expect(problemsOf({ apis: [own] })).toEqual([expect.stringMatching(/token\.algorithm is HS256, but this audience/)])
    const open = { ...shared('a'), token: { ...shared('a').token, userinfo: true } }
    expect(problemsOf({ apis: [open] })).toEqual([expect.stringMatching(/token\.userinfo is true, but/)])
  })
})
