import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { SIGNING_ALGORITHMS } from '../../src/registry/api/api.ts'
import { createVerifier } from '../../src/resource/index.ts'
import { type Params, post, query, redemption, signedIn } from '../support/requests.ts'
import { type Running, start } from '../support/start.ts'
import { newPkce, signInAt, type UserAgent } from '../support/user-agent.ts'

const ORDERS = 'https://orders.example'
const INVENTORY = 'https://inventory.example'
const CALLBACK = 'http://localhost:4999/callback'
const SECRET = Buffer.alloc(32, 7)

const api = (algorithm: string) => `https://${algorithm.toLowerCase()}.example`

describe('resource indicators (RFC 8707)', () => {
  let app: Running
  let alice: UserAgent
  beforeAll(async () => {
    const scopes = Object.fromEntries(SIGNING_ALGORITHMS.map((algorithm) => [api(algorithm), [`${algorithm}:read`]]))
    app = await start({
      apis: SIGNING_ALGORITHMS.map((algorithm) => ({
        audience: api(algorithm),
        scopes: { [`${algorithm}:read`]: `Read what is signed with ${algorithm}` },
        algorithm,
        secret: algorithm === 'HS256' ? SECRET : undefined,
      })),
      clients: [
        { clientId: 'spa', redirectUris: [CALLBACK], apis: scopes },
        { clientId: 'login-only', redirectUris: [CALLBACK], apis: {} },
      ],
    })
    alice = await signedIn(app)
  })
  afterAll(() => app.close())

  interface Tokens extends Record<string, unknown> {
    readonly access_token: string
    readonly refresh_token: string
  }

  async function authorizeFor(params: Params): Promise<(more?: Params) => ReturnType<typeof post>> {
    const pkce = newPkce()
    const request = {
      client_id: 'demo-spa',
      redirect_uri: 'http://localhost:4011/callback',
      response_type: 'code',
      code_challenge: pkce.challenge,
      code_challenge_method: 'S256',
      ...params,
    }
    const callback = await signInAt(alice, `/authorize?${query(request)}`)
    const code = callback.searchParams.get('code') ?? ''
    const { client_id, redirect_uri } = request
    return (more = {}) => post(`${app.issuer}/token`, redemption({ code, pkce }, { client_id, redirect_uri, ...more }))
  }

  async function tokensFor(params: Params, more: Params = {}): Promise<Tokens> {
    const { status, body } = await (await authorizeFor(params))(more)
    expect(status, JSON.stringify(body)).toBe(200)
    return body as Tokens
  }

  async function refresh(token: Tokens, params: Params = {}, clientId = 'demo-spa') {
    const request = { grant_type: 'refresh_token', client_id: clientId, refresh_token: token.refresh_token, ...params }
    const { status, body } = await post(`${app.issuer}/token`, request)
    return { status, body: body as Tokens & { readonly error?: string } }
  }

  /** The API; these tokens open userinfo as well, and say so. */
  const audienceOf = ({ access_token: token }: Tokens) => {
    const [audience, ...also] = [decodeJwt(token).aud].flat()
    expect(also).toEqual([app.issuer])
    return audience
  }
  const scopeOf = ({ access_token: token }: Tokens) => decodeJwt(token).scope

  it.each(SIGNING_ALGORITHMS)(
    'gives each API tokens of its own algorithm, which it verifies alone: %s',
    async (algorithm) => {
      const audience = api(algorithm)
      const spa = { client_id: 'spa', redirect_uri: CALLBACK }

      const tokens = await tokensFor({ ...spa, resource: audience, scope: `openid ${algorithm}:read` })

      expect(decodeProtectedHeader(tokens.access_token)).toMatchObject({ alg: algorithm, typ: 'at+jwt' })
      const verifier = createVerifier({
        issuer: app.issuer,
        audience,
        ...(algorithm === 'HS256' ? { secret: SECRET } : { algorithms: [algorithm] }),
      })
      const claims = await verifier.verify(tokens.access_token, { scopes: [`${algorithm}:read`] })
      // A secret is the API's as well: what it signs opens nothing of ours.
      const isShared = algorithm === 'HS256'
      expect(claims).toMatchObject({ audience: isShared ? [audience] : [audience, app.issuer], clientId: 'spa' })

      const userinfo = await fetch(`${app.issuer}/userinfo`, {
        headers: { authorization: `Bearer ${tokens.access_token}` },
      })
      expect(userinfo.status).toBe(isShared ? 401 : 200)
    },
  )

  it('without a resource the scope tells the API', async () => {
    const tokens = await tokensFor({ scope: 'openid inventory:read' })

    expect(audienceOf(tokens)).toBe(INVENTORY)
    expect(scopeOf(tokens)).toBe('openid inventory:read')
  })

  it('without a resource and a scope of an API it is userinfo alone', async () => {
    expect((await tokensFor({ scope: 'openid' })).access_token).toMatch(/^a[\w-]{2}[0-9a-f]{7}[\w-]{43}$/)
  })

  it('a client that may call no API gets a token for userinfo alone', async () => {
    const tokens = await tokensFor({ client_id: 'login-only', redirect_uri: CALLBACK, scope: 'openid email' })

    expect(tokens.access_token).toMatch(/^a[\w-]{2}[0-9a-f]{7}[\w-]{43}$/)
    const userinfo = await fetch(`${app.issuer}/userinfo`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    })
    expect(await userinfo.json()).toMatchObject({ email: 'alice@example.com' })
  })

  it('several resources are granted together, and each token is for one of them', async () => {
    const both = { resource: [ORDERS, INVENTORY], scope: 'openid orders:read inventory:read' }

    const tokens = await tokensFor(both, { resource: INVENTORY })
    expect(audienceOf(tokens)).toBe(INVENTORY)
    expect(scopeOf(tokens)).toBe('openid inventory:read')

    const other = await refresh(tokens, { resource: ORDERS })
    expect(audienceOf(other.body)).toBe(ORDERS)
    expect(scopeOf(other.body)).toBe('openid orders:read')

    const unnamed = await refresh(other.body)
    expect(audienceOf(unnamed.body)).toBe(ORDERS)
  })

  it('one token is never for two APIs', async () => {
    const redeem = await authorizeFor({ resource: [ORDERS, INVENTORY], scope: 'openid orders:read inventory:read' })

    const { status, body } = await redeem({ resource: [ORDERS, INVENTORY] })

    expect({ status, error: body.error }).toEqual({ status: 400, error: 'invalid_target' })
  })

  it('several APIs may be told by their scopes as well', async () => {
    const tokens = await tokensFor({ scope: 'openid orders:read inventory:read' })
    expect(audienceOf(tokens)).toBe(ORDERS)

    expect(audienceOf((await refresh(tokens, { resource: INVENTORY })).body)).toBe(INVENTORY)
  })

  it('a refresh reaches no API and no scope that was not granted', async () => {
    const tokens = await tokensFor({ resource: ORDERS, scope: 'openid orders:read' })

    const elsewhere = await refresh(tokens, { resource: INVENTORY })
    expect(elsewhere.body.error).toBe('invalid_target')

    const wider = await refresh(tokens, { scope: 'openid orders:read orders:write email' })
    expect(wider.body.error).toBe('invalid_scope')

    expect(scopeOf((await refresh(tokens)).body)).toBe('openid orders:read')
  })

  it('a scope of one API says nothing at another', async () => {
    const tokens = await tokensFor({ resource: INVENTORY, scope: 'openid orders:read inventory:read' })

    expect(scopeOf(tokens)).toBe('openid inventory:read')
  })
})
