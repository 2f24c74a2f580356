/** Introspection beside the engine says what the engine would say, and only where a token is active. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { hashSecret } from '../../../src/clients/secrets.ts'
import { newProofKey } from '../../flows/dpop-proofs.ts'
import {
  callEndpoint,
  createUserAgent,
  newPkce,
  redeem,
  refresh,
  signIn,
  type TokenAnswer,
} from '../../support/user-agent.ts'
import { basic, type BothWays, comparable, type Request, startBothWays } from './both-ways.ts'

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
    { clientId: 'strict-web', ...WEB, refreshIdempotentSeconds: 0 },
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
  const machine = await callEndpoint(`${issuer}/token`, { grant_type: 'client_credentials' }, asClient('machine'))
  const person = await signedIn('web', 'openid vault:open')
  const rotated = await signedIn('strict-web', 'openid vault:open')
  await refresh(issuer, String(rotated.refresh_token), 'strict-web')
  const revoked = await signedIn('web', 'openid vault:open')
  await callEndpoint(`${issuer}/revoke`, { client_id: 'web', token: String(revoked.refresh_token) })
  const jwt = await signedIn('web', 'openid orders:read')
  const bound = await signedIn('web', 'openid vault:open', {
    dpop: await (await newProofKey()).prove(`${issuer}/token`),
  })
  const pairwise = await signedIn('pairwise-web', 'openid vault:open')
  Object.assign(tokens, {
    machine: machine.body.access_token,
    person: person.access_token,
    refresh: person.refresh_token,
    spent: rotated.refresh_token,
    revoked: revoked.access_token,
    jwt: jwt.access_token,
    bound: bound.access_token,
    pairwise: pairwise.access_token,
  })
  expect(Object.values(tokens).map((token) => typeof token)).toEqual(Object.keys(tokens).map(() => 'string'))
})
afterAll(() => both.close())

async function signedIn(clientId: string, scope: string, headers = {}): Promise<TokenAnswer['body']> {
  const pkce = newPkce()
  const options = { clientId, redirectUri: 'http://localhost:4999/callback', scope }
  const code = (await signIn(createUserAgent(both.app), pkce, options)).get('code') ?? ''
  if (Object.keys(headers).length === 0) return (await redeem(both.app.issuer, code, pkce, options)).body
  const form = { grant_type: 'authorization_code', client_id: clientId, redirect_uri: options.redirectUri, code }
  return (await callEndpoint(`${both.app.issuer}/token`, { ...form, code_verifier: pkce.verifier }, undefined, headers))
    .body
}

function asClient(id: string) {
  return { id, secret: SECRET }
}

const by = (id: string, secret = SECRET) => basic(id, secret)
const ask = (form: Request['form'], headers: Request['headers']): Request => ({
  path: '/introspect',
  ...(form === undefined ? {} : { form }),
  ...(headers && { headers }),
})

const PLAIN: Record<string, () => Request> = {
  "a person's token, by the API": () => ask({ token: tokens.person }, by('vault-api')),
  'one with its hint': () => ask({ token: tokens.person, token_type_hint: 'access_token' }, by('vault-api')),
  'one with a wrong hint': () => ask({ token: tokens.person, token_type_hint: 'refresh_token' }, by('vault-api')),
  'one with an unheard hint': () => ask({ token: tokens.person, token_type_hint: 'id_card' }, by('vault-api')),
  "a machine's token, by the API": () => ask({ token: tokens.machine }, by('vault-api')),
  "a machine's token, by the machine": () => ask({ token: tokens.machine }, by('machine')),
  'a token, by an API that sends its secret in the body': () =>
    ask({ token: tokens.person, client_id: 'posting-api', client_secret: SECRET }, undefined),
}

const LEFT_TO_THE_ENGINE: Record<string, () => Request> = {
  'no token': () => ask({ token_type_hint: 'access_token' }, by('vault-api')),
  'an empty token': () => ask({ token: '' }, by('vault-api')),
  'an unknown token': () => ask({ token: `a${'x'.repeat(45)}` }, by('vault-api')),
  'a token that is no handle': () => ask({ token: 'constructor' }, by('vault-api')),
  'a handle of another kind': () => ask({ token: `r${tokens.person?.slice(1)}` }, by('vault-api')),
  'a token that was changed': () => ask({ token: `${tokens.person?.slice(0, -1)}_` }, by('vault-api')),
  'a token that was revoked': () => ask({ token: tokens.revoked }, by('vault-api')),
  'a refresh token, by a client that may not know': () => ask({ token: tokens.refresh }, by('vault-api')),
  'a spent refresh token': () => ask({ token: tokens.spent }, by('vault-api')),
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

describe.each(Object.keys(PLAIN))('%s', (name) => {
  it('is answered beside the engine as the engine would', async () => {
    const { ours, theirs } = await both.plainly((PLAIN[name] as () => Request)())

    expect(ours.body).toContain('"active":true')
    expect(ours).toEqual(theirs)
  })
})

describe.each(Object.keys(LEFT_TO_THE_ENGINE))('%s', (name) => {
  it('is answered by the engine, as if nobody had been there before', async () => {
    const { ours, theirs } = await both.byTheEngine((LEFT_TO_THE_ENGINE[name] as () => Request)())

    expect(comparable(ours)).toEqual(comparable(theirs))
  })
})

it('is not active any more, either way, once the token was revoked', async () => {
  const { access_token: token } = await signedIn('web', 'openid vault:open')
  const request = ask({ token: String(token) }, by('vault-api'))
  expect((await both.plainly(request)).ours.body).toContain('"active":true')

  await callEndpoint(`${both.app.issuer}/revoke`, { client_id: 'web', token: String(token) })

  const { ours, theirs } = await both.byTheEngine(request)
  expect([ours.body, theirs.body]).toEqual(['{"active":false}', '{"active":false}'])
})
