/** Introspection beside the engine says what the engine would say, and only where a token is active. */

import { afterAll, beforeAll, expect, it } from 'vitest'

import { hashSecret } from '../../../src/clients/secrets.ts'
import { handleKey } from '../../../src/engine/adapter/handles.ts'
import { newProofKey } from '../../feature/dpop/dpop-proofs.ts'
import { callEndpoint } from '../../support/user-agent.ts'
import {
  basic,
  type BothWays,
  describeLeftToTheEngine,
  describePlain,
  type Request,
  type Rows,
  signedIn,
  startBothWays,
} from './both-ways.ts'
import { BAD_GRANTS, changeGrant } from './records.ts'

const SECRET = 'a-secret.of_the~test'
const VAULT = 'https://vault.example'
const WEB = { apis: { [VAULT]: ['vault:open'], 'https://orders.example': ['orders:read'] }, firstParty: true }
const CONFIDENTIAL = { authMethod: 'client_secret_basic' as const, secretHash: hashSecret(SECRET), redirectUris: [] }

const OPTIONS = {
  apis: [
    {
      audience: VAULT,
      tokenFormat: 'opaque' as const,
      scopes: { 'vault:open': 'Open the vault' },
      introspectedBy: ['vault-api', 'posting-api'],
    },
  ],
  clients: [
    { clientId: 'web', ...WEB },
    { clientId: 'server-web', ...WEB, authMethod: 'client_secret_basic' as const, secretHash: hashSecret(SECRET) },
    { clientId: 'pairwise-web', ...WEB, subjectType: 'pairwise' as const },
    {
      clientId: 'machine',
      ...CONFIDENTIAL,
      grantTypes: ['client_credentials' as const],
      apis: { [VAULT]: ['vault:open'] },
    },
    { clientId: 'vault-api', ...CONFIDENTIAL, grantTypes: [], apis: {} },
    { clientId: 'stranger', ...CONFIDENTIAL, grantTypes: [], apis: {} },
    {
      ...{ clientId: 'posting-api', ...CONFIDENTIAL, grantTypes: [], apis: {} },
      authMethod: 'client_secret_post' as const,
    },
  ],
}

let both: BothWays
const tokens: Record<string, string> = {}
beforeAll(async () => {
  both = await startBothWays(OPTIONS)
  const { issuer } = both.app
  const machine = await callEndpoint(
    `${issuer}/token`,
    { grant_type: 'client_credentials' },
    { id: 'machine', secret: SECRET },
  )
  const person = await signedIn(both.app, 'web', 'openid vault:open')
  const server = await signedIn(both.app, 'server-web', 'openid vault:open', { secret: SECRET })
  const spent = await signedIn(both.app, 'server-web', 'openid vault:open', { secret: SECRET })
  await spend(String(spent.refresh_token))
  const revoked = await signedIn(both.app, 'web', 'openid vault:open')
  await callEndpoint(`${issuer}/revoke`, { client_id: 'web', token: String(revoked.refresh_token) })
  const jwt = await signedIn(both.app, 'web', 'openid orders:read')
  const bound = await signedIn(both.app, 'web', 'openid vault:open', {
    dpop: await (await newProofKey()).prove(`${issuer}/token`),
  })
  const pairwise = await signedIn(both.app, 'pairwise-web', 'openid vault:open')
  Object.assign(tokens, {
    machine: machine.body.access_token,
    person: person.access_token,
    refresh: server.refresh_token,
    spent: spent.refresh_token,
    revoked: revoked.access_token,
    jwt: jwt.access_token,
    bound: bound.access_token,
    pairwise: pairwise.access_token,
  })
  expect(Object.values(tokens).map((token) => typeof token)).toEqual(Object.keys(tokens).map(() => 'string'))
})
afterAll(() => both.close())

/** Marks a refresh token as used, as its rotation does. */
async function spend(token: string): Promise<void> {
  const key = handleKey('RefreshToken', token)
  if (key === undefined) throw new Error('no refresh token')
  await both.app.nodes[0]?.store.consume(key, 'the test')
}

const by = (id: string, secret = SECRET) => basic(id, secret)
const ask = (form: Request['form'], headers: Request['headers']): Request => ({
  path: '/introspect',
  ...(form === undefined ? {} : { form }),
  ...(headers && { headers }),
})

const PLAIN: Rows = {
  "a person's token, by the API": () => ask({ token: tokens.person }, by('vault-api')),
  'one with its hint': () => ask({ token: tokens.person, token_type_hint: 'access_token' }, by('vault-api')),
  'one with a wrong hint': () => ask({ token: tokens.person, token_type_hint: 'refresh_token' }, by('vault-api')),
  'one with an unheard hint': () => ask({ token: tokens.person, token_type_hint: 'id_card' }, by('vault-api')),
  "a machine's token, by the API": () => ask({ token: tokens.machine }, by('vault-api')),
  "a machine's token, by the machine": () => ask({ token: tokens.machine }, by('machine')),
  'a refresh token, by its client': () => ask({ token: tokens.refresh }, by('server-web')),
  'a refresh token with its hint': () =>
    ask({ token: tokens.refresh, token_type_hint: 'refresh_token' }, by('server-web')),
  'a token, by an API that sends its secret in the body': () =>
    ask({ token: tokens.person, client_id: 'posting-api', client_secret: SECRET }, undefined),
}

const LEFT_TO_THE_ENGINE: Rows = {
  'no token': () => ask({ token_type_hint: 'access_token' }, by('vault-api')),
  'an empty token': () => ask({ token: '' }, by('vault-api')),
  'an unknown token': () => ask({ token: `a${'x'.repeat(45)}` }, by('vault-api')),
  'a token that is no handle': () => ask({ token: 'constructor' }, by('vault-api')),
  'a handle of another kind': () => ask({ token: `r${tokens.person?.slice(1)}` }, by('vault-api')),
  'a token that was changed': () => ask({ token: `${tokens.person?.slice(0, -1)}_` }, by('vault-api')),
  'a token that was revoked': () => ask({ token: tokens.revoked }, by('vault-api')),
  'a refresh token, by a client that may not know': () => ask({ token: tokens.refresh }, by('vault-api')),
  'a spent refresh token': () => ask({ token: tokens.spent }, by('server-web')),
  'a token, by a stranger': () => ask({ token: tokens.person }, by('stranger')),
  'a token that is bound to a key': () => ask({ token: tokens.bound }, by('vault-api')),
  'a token of a client with pairwise subjects': () => ask({ token: tokens.pairwise }, by('vault-api')),
  'a JWT': () => ask({ token: tokens.jwt }, by('vault-api')),
  'a token that stands twice': () => ask(`token=${tokens.person}&token=${tokens.person}`, by('vault-api')),
  'a parameter that is not expected': () => ask({ token: tokens.person, scope: 'x' }, by('vault-api')),
  'a wrong secret': () => ask({ token: tokens.person }, by('vault-api', 'wrong')),
  'no client': () => ask({ token: tokens.person }, undefined),
  'a public client': () => ask({ token: tokens.person, client_id: 'web' }, undefined),
  'a signed answer asked for': () =>
    ask({ token: tokens.person }, { ...by('vault-api'), accept: 'application/token-introspection+jwt' }),
  'an origin': () => ask({ token: tokens.person }, { ...by('vault-api'), origin: 'https://spa.example' }),
}

describePlain(() => both, PLAIN, '"active":true')
describeLeftToTheEngine(() => both, LEFT_TO_THE_ENGINE)

it.each(BAD_GRANTS)('is answered by the engine where the grant %s', async (_what, change) => {
  const { access_token: token } = await signedIn(both.app, 'web', 'openid vault:open')
  await changeGrant(both.app, String(token), change)

  const { ours, theirs } = await both.byTheEngine(ask({ token: String(token) }, by('vault-api')))

  expect([ours.body, theirs.body]).toEqual(['{"active":false}', '{"active":false}'])
})

it('is not active any more, either way, once the token was revoked', async () => {
  const { access_token: token } = await signedIn(both.app, 'web', 'openid vault:open')
  const request = ask({ token: String(token) }, by('vault-api'))
  expect((await both.plainly(request)).ours.body).toContain('"active":true')

  await callEndpoint(`${both.app.issuer}/revoke`, { client_id: 'web', token: String(token) })

  const { ours, theirs } = await both.byTheEngine(request)
  expect([ours.body, theirs.body]).toEqual(['{"active":false}', '{"active":false}'])
})
