/**
 * What holds alike for codes and for refresh tokens: who may bring them, how, and what comes of it.
 *
 * Each request is made twice, with two tokens of one grant, since each is good for one use: one for each way.
 */

import { expect, it, describe, beforeAll, afterAll } from 'vitest'

import { hashSecret } from '../../../src/clients/secrets.ts'
import { createUserAgent, newPkce, type Pkce, signIn } from '../../support/user-agent.ts'
import { basic, type BothWays, comparable, REDIRECT_URI, type Request, startBothWays } from './both-ways.ts'
import { meaning } from './meaning.ts'
import { BAD_GRANTS, changeGrant, changeRecord, recordOf } from './records.ts'

export const SECRET = 'a-secret.of_the~test'
export const ORDERS = 'https://orders.example'
const OPAQUE = 'https://opaque.example'
const SHARED = 'https://shared.example'
const TYPED = 'https://typed.example'
const FORM = 'application/x-www-form-urlencoded'

const web = (clientId: string, apis: Record<string, string[]> = { [ORDERS]: ['orders:read', 'orders:write'] }) => ({
  clientId,
  apis,
  firstParty: true,
})
const CONFIDENTIAL = { authMethod: 'client_secret_basic' as const, secretHash: hashSecret(SECRET) }

const CLIENTS = [
  web('spa'),
  web('other-spa'),
  web('login', {}),
  web('opaque', { [OPAQUE]: ['test:read'] }),
  web('shared', { [SHARED]: ['shared:read'] }),
  web('plain-typed', { [TYPED]: ['typed:read'] }),
  web('many', { [OPAQUE]: ['test:read'], [ORDERS]: ['orders:read'], [SHARED]: ['shared:read'] }),
  { ...web('pairwise'), subjectType: 'pairwise' as const },
  { ...web('telling'), idTokenClaims: ['profile' as const, 'email' as const] },
  { ...web('elliptic'), idTokenAlgorithm: 'ES256' as const },
  { ...web('strict'), refreshIdempotentSeconds: 0 },
  { ...web('brief'), grantTypes: ['authorization_code' as const] },
  { ...web('machine'), ...CONFIDENTIAL, grantTypes: ['client_credentials' as const] },
  { ...web('server'), ...CONFIDENTIAL },
  { ...web('staying'), ...CONFIDENTIAL, refreshRotation: 'never' as const },
  { ...web('rotating'), ...CONFIDENTIAL, refreshRotation: 'always' as const },
  { ...web('posting'), ...CONFIDENTIAL, authMethod: 'client_secret_post' as const },
  { ...web('header-only'), ...CONFIDENTIAL, acceptedAuthMethods: ['client_secret_basic' as const] },
  { ...web('legacy'), ...CONFIDENTIAL, legacyWithoutPkce: true },
]
const APIS = [
  { audience: TYPED, scopes: { 'typed:read': 'Read' }, tokenType: 'JWT' as const },
  { audience: OPAQUE, scopes: { 'test:read': 'Read' }, tokenFormat: 'opaque' as const },
  { audience: SHARED, scopes: { 'shared:read': 'Read' }, algorithm: 'HS256' as const, secret: Buffer.alloc(32, 7) },
]

type Params = Readonly<Record<string, string | undefined>>

export interface Row {
  readonly clientId?: string
  readonly scope?: string
  /** What the same client was granted in the same session before. */
  readonly granted?: string
  /** Of the authorization request. */
  readonly asked?: Params
  /** What differs in the form from that of a public client that does all right. */
  readonly form?: Params
  readonly headers?: Params
  /** Comes after the form. */
  readonly also?: string
  /** How often the token was refreshed before. */
  readonly before?: number
}

type Rows = Readonly<Record<string, Row>>

const NAMED = { client_id: undefined }
export const inHeader = (clientId: string) => ({ clientId, form: NAMED, headers: basic(clientId, SECRET) })

/** What it gives outlives the session, and is not looked for in it. */
const OFFLINE: Row = { scope: 'openid offline_access orders:read', asked: { prompt: 'consent' } }

const PLAIN: Rows = {
  'a public client': {},
  'without openid': { scope: 'orders:read' },
  'with all of OpenID': { scope: 'openid profile email orders:read' },
  'OpenID beside the default API': { scope: 'openid email' },
  'a client that only signs people in': { clientId: 'login', scope: 'openid profile' },
  'one that signs people in without openid': { clientId: 'login', scope: 'profile' },
  'less than was granted before': { granted: 'openid email orders:read orders:write', scope: 'openid orders:read' },
  'with offline_access': OFFLINE,
  'with a nonce': { asked: { nonce: 'a-nonce' } },
  'a client with pairwise subjects': { clientId: 'pairwise' },
  '[C4] claims in ID tokens, of the scopes that were granted': {
    clientId: 'telling',
    scope: 'openid email orders:read',
  },
  '[C4] claims in ID tokens of a client for which no API is asked': { clientId: 'telling', scope: 'openid profile' },
  'ID tokens by another algorithm': { clientId: 'elliptic' },
  'a client without an idempotent window': { clientId: 'strict' },
  'an API with opaque tokens': { clientId: 'opaque', scope: 'openid test:read' },
  'an API that shares a secret': { clientId: 'shared', scope: 'openid shared:read' },
  '[C2] an API whose tokens have the type JWT': { clientId: 'plain-typed', scope: 'openid typed:read' },
  'the default API of several': { clientId: 'many', scope: 'openid' },
  'the API that a scope names': { clientId: 'many', scope: 'openid test:read' },
  'several APIs': { clientId: 'many', scope: 'openid shared:read orders:read test:read' },
  'the API that was named': { clientId: 'many', asked: { resource: SHARED }, scope: 'openid shared:read test:read' },
  'a secret in the header': inHeader('server'),
  'a secret in the header, and refresh tokens that never rotate': inHeader('staying'),
  'a secret in the header, and refresh tokens that rotate': inHeader('rotating'),
  'a secret in the body': { clientId: 'posting', form: { client_secret: SECRET } },
  '[C3] a secret in the body of a client that registered the header': {
    clientId: 'server',
    form: { client_secret: SECRET },
  },
  '[C3] a secret in the header of a client that registered the body': inHeader('posting'),
  'the own origin': { headers: { origin: new URL(REDIRECT_URI).origin } },
  'JSON asked for': { headers: { accept: 'application/json' } },
  'a form that names its charset': { headers: { 'content-type': `${FORM}; charset=utf-8` } },
}

const LEFT_TO_THE_ENGINE: Rows = {
  'no client': { form: NAMED },
  'an unknown client': { form: { client_id: 'nobody' } },
  'a client named like what every object has': { form: { client_id: 'constructor' } },
  'another public client': { form: { client_id: 'other-spa' } },
  'another confidential client': { form: NAMED, headers: basic('server', SECRET) },
  'a client without the grant type': { form: NAMED, headers: basic('machine', SECRET) },
  'a wrong secret': { ...inHeader('server'), headers: basic('server', 'wrong') },
  'no secret': { clientId: 'server' },
  'an empty secret': { clientId: 'posting', form: { client_secret: '' } },
  'a secret of a public client': { form: { client_secret: SECRET } },
  'a secret of a public client in the header': { form: NAMED, headers: basic('spa', SECRET) },
  'a public client that names itself in the header too': { headers: basic('spa', '') },
  'a secret in the body of a client that accepts the header alone': {
    clientId: 'header-only',
    form: { client_secret: SECRET },
  },
  'a client id beside the header': { clientId: 'server', headers: basic('server', SECRET) },
  'no grant type': { form: { grant_type: undefined } },
  'a scope': { form: { scope: 'openid' } },
  'a scope that was not granted': { form: { scope: 'openid email' } },
  'an API that is named again': { form: { resource: ORDERS } },
  'an API that was not asked for': { clientId: 'many', scope: 'openid test:read', form: { resource: ORDERS } },
  'an unknown parameter': { form: { foo: 'bar' } },
  'an assertion': { form: { client_assertion: 'x', client_assertion_type: 'y' } },
  "another client's origin": { headers: { origin: 'https://spa.example' } },
  'an origin that differs in its port': { headers: { origin: 'http://localhost:4998' } },
  'no origin at all': { headers: { origin: 'null' } },
  'a DPoP proof that is none': { headers: { dpop: 'x' } },
  'an attestation': { headers: { 'oauth-client-attestation': 'x' } },
  'a page asked for': { headers: { accept: 'text/html' } },
  'JSON in the body': { headers: { 'content-type': 'application/json' } },
}

export interface Kind {
  readonly plain: Rows
  readonly leftToTheEngine: Rows
  /** A request of this row for each way. */
  requests(both: BothWays, row: Row): Promise<readonly [Request, Request]>
  /** What the request brings. */
  tokenIn(request: Request): string
}

/** The rows that all have, and those of this kind. */
export function describeGranted(name: string, kind: Kind, more: (both: () => BothWays) => void): void {
  describe(name, () => {
    let both: BothWays
    beforeAll(async () => {
      both = await startBothWays({ clients: CLIENTS, apis: APIS })
    })
    afterAll(() => both.close())

    describe.each(Object.entries({ ...PLAIN, ...kind.plain }))('%s', (_name, row) => {
      it('is answered by the fast path as the engine would, and means the same', async () => {
        const [request, twin] = await kind.requests(both, row)

        const { ours, theirs } = await both.plainly(request, twin)

        expect(ours.status).toBe('HTTP/1.1 200 OK')
        expect(comparable(ours)).toEqual(comparable(theirs))
        expect(await meaning(both.app, ours)).toEqual(await meaning(both.app, theirs))
        expect(await stateOf(kind.tokenIn(request))).toEqual(await stateOf(kind.tokenIn(twin)))
        expect(ours.body.includes(kind.tokenIn(request))).toBe(theirs.body.includes(kind.tokenIn(twin)))
      })
    })

    describe.each(Object.entries({ ...LEFT_TO_THE_ENGINE, ...kind.leftToTheEngine }))('%s', (_name, row) => {
      it('is answered by the engine, as if the fast path did not exist', async () => {
        const [request, twin] = await kind.requests(both, row)

        const { ours, theirs } = await both.byTheEngine(request, twin)

        expect(comparable(ours)).toEqual(comparable(theirs))
        expect(await stateOf(kind.tokenIn(request))).toEqual(await stateOf(kind.tokenIn(twin)))
      })
    })

    it('is refused, either way, once it has expired', async () => {
      const [request, twin] = await kind.requests(both, {})
      await changeRecord(both.app, kind.tokenIn(request), { exp: 1 })
      await changeRecord(both.app, kind.tokenIn(twin), { exp: 1 })

      await expectRefused(request, twin)
    })

    it.each(BAD_GRANTS)('is refused, either way, where the grant %s', async (_what, change) => {
      const [request, twin] = await kind.requests(both, {})
      await changeGrant(both.app, kind.tokenIn(request), change)

      await expectRefused(request, twin)
    })

    it('is refused, either way, where the account is gone', async () => {
      const [request, twin] = await kind.requests(both, OFFLINE)
      const another = { accountId: 'usr_another' }
      await changeGrant(both.app, kind.tokenIn(request), another)
      for (const one of [request, twin]) await changeRecord(both.app, kind.tokenIn(one), another)

      await expectRefused(request, twin)
    })

    it('is refused, either way, where its client may not use its kind any more', async () => {
      const [request, twin] = await kind.requests(both, { ...OFFLINE, form: NAMED, headers: basic('machine', SECRET) })
      await changeGrant(both.app, kind.tokenIn(request), { clientId: 'machine' })
      for (const one of [request, twin]) await changeRecord(both.app, kind.tokenIn(one), { clientId: 'machine' })

      await expectRefused(request, twin, 'unauthorized_client')
    })

    it('is refused, either way, where its client may not call its API any more', async () => {
      const [request, twin] = await kind.requests(both, {})
      const resources = { [OPAQUE]: 'orders:read' }
      for (const token of [kind.tokenIn(request), kind.tokenIn(twin)]) {
        await changeRecord(both.app, token, { resource: OPAQUE })
        await changeGrant(both.app, token, { resources })
      }

      await expectRefused(request, twin, 'invalid_target')
    })

    more(() => both)

    it('is refused, either way, once the account is disabled', async () => {
      const [request, twin] = await kind.requests(both, {})
      const { accounts, accountAccess } = both.app.nodes[0] as (typeof both.app.nodes)[number]
      const account = await accounts.findAccountByLogin('alice@example.com')

      await accountAccess.disable(account?.id ?? '')

      await expectRefused(request, twin)
    })

    async function expectRefused(request: Request, twin: Request, error = 'invalid_grant'): Promise<void> {
      const { ours, theirs } = await both.byTheEngine(request, twin)

      expect(ours.body).toContain(error)
      expect(comparable(ours)).toEqual(comparable(theirs))
      expect(await stateOf(kind.tokenIn(request))).toEqual(await stateOf(kind.tokenIn(twin)))
    }

    async function stateOf(token: string): Promise<object | undefined> {
      const entry = await recordOf(both.app, token)
      return entry && { isConsumed: entry.consumed !== undefined, isNoted: entry.consumed?.note !== undefined }
    }
  })
}

export async function codesOf(both: BothWays, row: Row, pkces: readonly Pkce[]): Promise<string[]> {
  const { clientId = 'spa', scope = 'openid orders:read', asked = {} } = row
  const agent = createUserAgent(both.app)
  const request = { clientId, redirectUri: REDIRECT_URI, params: asked }
  if (row.granted !== undefined) await signIn(agent, newPkce(), { ...request, scope: row.granted })
  const codes: string[] = []
  for (const pkce of pkces) {
    const callback = await signIn(agent, pkce, { ...request, scope })
    codes.push(callback.get('code') ?? `no code: ${callback}`)
  }
  return codes
}

export function requestOf({ clientId = 'spa', form = {}, headers = {}, also = '' }: Row, right: Params): Request {
  const all = Object.entries({ ...right, client_id: clientId, ...form })
  const present = all.filter((entry): entry is [string, string] => entry[1] !== undefined)
  return { path: '/token', form: new URLSearchParams(present).toString() + also, headers }
}

export function valueIn({ form }: Request, name: string): string {
  return new URLSearchParams(String(form)).get(name) ?? ''
}
