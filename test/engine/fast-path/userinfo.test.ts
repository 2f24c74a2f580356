/** Userinfo beside the engine tells what the engine would tell, and only to a token that plainly opens it. */

import { afterAll, beforeAll, expect, it } from 'vitest'

import { newProofKey } from '../../feature/dpop/dpop-proofs.ts'
import { callEndpoint } from '../../support/user-agent.ts'
import {
  type BothWays,
  comparable,
  describeLeftToTheEngine,
  describePlain,
  REDIRECT_URI,
  type Request,
  type Rows,
  signedIn,
  startBothWays,
} from './both-ways.ts'
import { BAD_GRANTS, changeGrant } from './records.ts'

const ORDERS = 'https://orders.example'
const OPAQUE = 'https://opaque.example'
const CLOSED = 'https://closed.example'
const SHARED = 'https://shared.example'
const WEB = { apis: { [ORDERS]: ['orders:read'] }, firstParty: true }
const APIS = [
  { audience: OPAQUE, tokenFormat: 'opaque', scopes: { 'opaque:read': 'Read' } },
  { audience: CLOSED, tokenFormat: 'opaque', scopes: { 'closed:read': 'Read' }, opensUserinfo: false },
  { audience: SHARED, algorithm: 'HS256', secret: Buffer.alloc(32, 7), scopes: { 'shared:read': 'Read' } },
] as const
const MACHINE_SECRET = 'demo-machine-secret-not-for-production'

let both: BothWays
const tokens: Record<string, string> = {}
beforeAll(async () => {
  both = await startBothWays({
    apis: APIS,
    clients: [
      {
        clientId: 'apis',
        ...WEB,
        apis: Object.fromEntries(APIS.map((api) => [api.audience, Object.keys(api.scopes)])),
      },
      { clientId: 'web', ...WEB },
      { clientId: 'login', ...WEB, apis: {} },
      { clientId: 'pairwise-web', ...WEB, subjectType: 'pairwise' },
    ],
  })
  const { issuer } = both.app
  const machine = { id: 'demo-machine', secret: MACHINE_SECRET }
  const ofMachine = await callEndpoint(`${issuer}/token`, { grant_type: 'client_credentials' }, machine)
  const revoked = await signedIn(both.app, 'login', 'openid')
  await callEndpoint(`${issuer}/revoke`, { client_id: 'login', token: String(revoked.access_token) })
  const key = await newProofKey()
  const bound = await signedIn(both.app, 'web', 'openid orders:read', { dpop: await key.prove(`${issuer}/token`) })
  Object.assign(tokens, {
    opaque: (await signedIn(both.app, 'login', 'openid profile email')).access_token,
    alone: (await signedIn(both.app, 'login', 'openid')).access_token,
    email: (await signedIn(both.app, 'login', 'openid email')).access_token,
    jwt: (await signedIn(both.app, 'web', 'openid profile orders:read')).access_token,
    pairwise: (await signedIn(both.app, 'pairwise-web', 'openid email orders:read')).access_token,
    opaqueForApi: (await signedIn(both.app, 'apis', 'openid profile opaque:read')).access_token,
    closedForApi: (await signedIn(both.app, 'apis', 'openid profile closed:read')).access_token,
    sharedForApi: (await signedIn(both.app, 'apis', 'openid profile shared:read')).access_token,
    closed: (await signedIn(both.app, 'web', 'orders:read')).access_token,
    refresh: (await signedIn(both.app, 'login', 'openid')).refresh_token,
    machine: ofMachine.body.access_token,
    revoked: revoked.access_token,
    bound: bound.access_token,
    proof: await key.proveFor(`${issuer}/userinfo`, String(bound.access_token)),
  })
  expect(Object.values(tokens).map((token) => typeof token)).toEqual(Object.keys(tokens).map(() => 'string'))
})
afterAll(() => both.close())

const ask = (authorization: string | undefined, more: Partial<Request> = {}): Request => ({
  method: 'GET',
  path: '/userinfo',
  ...more,
  headers: { authorization, ...more.headers },
})

const PLAIN: Rows = {
  'an opaque token': () => ask(`Bearer ${tokens.opaque}`),
  'an opaque token for an API and for userinfo': () => ask(`Bearer ${tokens.opaqueForApi}`),
  'an opaque token with the scope openid alone': () => ask(`Bearer ${tokens.alone}`),
  'an opaque token with some scopes': () => ask(`Bearer ${tokens.email}`),
  'a JWT': () => ask(`Bearer ${tokens.jwt}`),
  'a token of a client with pairwise subjects': () => ask(`Bearer ${tokens.pairwise}`),
  'a scheme in small letters': () => ask(`bearer ${tokens.opaque}`),
  'the own origin': () => ask(`Bearer ${tokens.opaque}`, { headers: { origin: new URL(REDIRECT_URI).origin } }),
  'JSON asked for': () => ask(`Bearer ${tokens.opaque}`, { headers: { accept: 'application/json' } }),
}

const LEFT_TO_THE_ENGINE: Rows = {
  'no token': () => ask(undefined),
  'an empty token': () => ask('Bearer '),
  'another scheme': () => ask(`Basic ${tokens.opaque}`),
  'two tokens': () => ask(`Bearer ${tokens.opaque} ${tokens.opaque}`),
  'an unknown token': () => ask(`Bearer a${'x'.repeat(45)}`),
  'a token that was changed': () => ask(`Bearer ${tokens.opaque?.slice(0, -1)}_`),
  'a JWT that was changed': () => ask(`Bearer ${tokens.jwt?.slice(0, -5)}AAAAA`),
  'a token that was revoked': () => ask(`Bearer ${tokens.revoked}`),
  'a token without the scope openid': () => ask(`Bearer ${tokens.closed}`),
  'a token for an API that keeps userinfo closed': () => ask(`Bearer ${tokens.closedForApi}`),
  'a token that a shared secret signs': () => ask(`Bearer ${tokens.sharedForApi}`),
  'a refresh token': () => ask(`Bearer ${tokens.refresh}`),
  "a machine's token": () => ask(`Bearer ${tokens.machine}`),
  'a token that is bound to a key, without a proof': () => ask(`Bearer ${tokens.bound}`),
  'a token that is bound to a key, with the wrong scheme': () =>
    ask(`Bearer ${tokens.bound}`, { headers: { dpop: tokens.proof } }),
  'a token in the address': () => ask(undefined, { path: `/userinfo?access_token=${tokens.opaque}` }),
  'a scope in the address': () => ask(`Bearer ${tokens.opaque}`, { path: '/userinfo?scope=openid' }),
  'a POST': () => ask(`Bearer ${tokens.opaque}`, { method: 'POST', form: { scope: 'openid' } }),
  'a token in the body': () => ask(undefined, { method: 'POST', form: { access_token: tokens.opaque } }),
  "another client's origin": () => ask(`Bearer ${tokens.opaque}`, { headers: { origin: 'https://spa.example' } }),
  'no origin at all': () => ask(`Bearer ${tokens.opaque}`, { headers: { origin: 'null' } }),
  'a page asked for': () => ask(`Bearer ${tokens.opaque}`, { headers: { accept: 'text/html' } }),
}

describePlain(() => both, PLAIN, '"sub":"')
describeLeftToTheEngine(() => both, LEFT_TO_THE_ENGINE)

it.each(BAD_GRANTS)('is refused on both paths when the grant %s', async (_what, change) => {
  const { access_token: token } = await signedIn(both.app, 'login', 'openid')
  await changeGrant(both.app, String(token), change)

  const { ours, theirs } = await both.byTheEngine(ask(`Bearer ${token}`))

  expect(ours.status).toBe('HTTP/1.1 401 Unauthorized')
  expect(comparable(ours)).toEqual(comparable(theirs))
})

it('leaves out, either way, what the grant withholds', async () => {
  const { access_token: token } = await signedIn(both.app, 'login', 'openid email')
  await changeGrant(both.app, String(token), { rejected: { openid: { claims: ['email'] } } })

  const { ours, theirs } = await both.plainly(ask(`Bearer ${token}`))

  expect(Object.keys(JSON.parse(ours.body) as object)).toEqual(['sub', 'email_verified'])
  expect(ours).toEqual(theirs)
})

it('is refused on both paths once the account is disabled', async () => {
  const login = 'alice@example.com'
  const request = ask(`Bearer ${tokens.opaque}`)
  const { accounts, accountAccess } = both.app.nodes[0] as (typeof both.app.nodes)[number]
  const account = await accounts.findAccountByLogin(login)
  if (account === undefined) throw new Error('no account')

  await accountAccess.disable(account.id)

  const { ours, theirs } = await both.byTheEngine(request)
  expect([ours.status, theirs.status]).toEqual(['HTTP/1.1 401 Unauthorized', 'HTTP/1.1 401 Unauthorized'])
})
