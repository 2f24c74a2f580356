/** Every place of the server that takes a JWT, by its route; what is not here says why. */

import { randomUUID } from 'node:crypto'
import { decodeJwt } from 'jose'

import { SSF_CONFIGURATION, SSF_POLL } from '../../../../src/http/routes.ts'
import { ENGINE_PATHS, REVOCATIONS } from '../../../../src/engine/paths.ts'
import {
  ASSERTION_TYPE,
  authorizationParams,
  authorize,
  basic,
  CALLBACK,
  type Params,
  post,
  read,
} from '../../../support/requests.ts'
import type { Outcome, Slot, Times } from './slot.ts'
import { FORGED_CLIENT, feedToken, issue, type JoseFixture } from './jose-fixture.ts'

export interface ServerSlot {
  readonly route: string
  readonly name: string
  open(fixture: JoseFixture): Promise<Slot>
}

/** Routes that take no JWT from a stranger. */
export const WITHOUT_JWT: Readonly<Record<string, string>> = {
  [ENGINE_PATHS.jwks]: 'only answers',
  '/.well-known/openid-configuration': 'only answers',
  '/.well-known/oauth-authorization-server': 'only answers',
  [SSF_CONFIGURATION]: 'only answers',
  [`${ENGINE_PATHS.end_session}/confirm`]: 'a form of a page, with the token of that page',
  [`${ENGINE_PATHS.end_session}/success`]: 'only answers',
}

const now = () => Math.floor(Date.now() / 1000)

const OTHER_TYPES = [
  'logout+jwt',
  'dpop+jwt',
  'secevent+jwt',
  'oauth-authz-req+jwt',
  'token-introspection+jwt',
  '',
  7,
  {},
]

export const SERVER_SLOTS: readonly ServerSlot[] = [
  ...[
    ENGINE_PATHS.token,
    ENGINE_PATHS.introspection,
    ENGINE_PATHS.revocation,
    ENGINE_PATHS.pushed_authorization_request,
  ].map((route) => ({
    route,
    name: `${route} client_assertion`,
    open: async (fixture: JoseFixture) => assertionAt(fixture, route),
  })),
  { route: ENGINE_PATHS.userinfo, name: '/userinfo access token', open: accessTokenInHeader },
  { route: ENGINE_PATHS.userinfo, name: '/userinfo access_token in the form', open: accessTokenInForm },
  { route: ENGINE_PATHS.introspection, name: '/introspect token', open: introspected },
  { route: ENGINE_PATHS.revocation, name: '/revoke token', open: revoked },
  { route: REVOCATIONS, name: '/revocations access token', open: (fixture) => feedReader(fixture, REVOCATIONS) },
  { route: SSF_POLL, name: '/ssf/poll access token', open: (fixture) => feedReader(fixture, SSF_POLL) },
  { route: ENGINE_PATHS.authorization, name: '/authorize id_token_hint', open: hintAtAuthorize },
  { route: ENGINE_PATHS.end_session, name: '/logout id_token_hint', open: hintAtLogout },
]

const CLIENT_TIMES: Times = {
  now,
  required: ['exp', 'jti'],
  judged: ['exp', 'iat', 'nbf'],
  toleranceSeconds: { exp: 15, iat: 15, nbf: 15 },
  takesFractions: true,
}

function assertionAt({ app, clientKeys }: JoseFixture, route: string): Slot {
  const request: Params = {
    [ENGINE_PATHS.token]: { grant_type: 'client_credentials' },
    [ENGINE_PATHS.pushed_authorization_request]: authorizationParams({
      client_id: FORGED_CLIENT,
      redirect_uri: CALLBACK,
      scope: 'openid',
    }),
  }[route] ?? { token: 'any' }
  return {
    keys: clientKeys,
    header: ({ alg, kid }) => ({ alg, kid }),
    claims: () => ({
      iss: FORGED_CLIENT,
      sub: FORGED_CLIENT,
      aud: app.issuer,
      jti: randomUUID(),
      iat: now(),
      exp: now() + 60,
    }),
    async put(client_assertion) {
      const params = { ...request, client_id: FORGED_CLIENT, client_assertion_type: ASSERTION_TYPE, client_assertion }
      const { status, body } = await post(`${app.issuer}${route}`, params)
      return { taken: status === 200 || status === 201, answer: `${status} ${body.error}` }
    },
    refusals: ['401 invalid_client', '400 invalid_request'],
    wrongTypes: [...OTHER_TYPES, 'at+jwt', 'application/at+jwt', null],
    carriedIn: 'form',
    times: CLIENT_TIMES,
  }
}

const OWN_TIMES: Times = {
  now,
  required: ['exp', 'iat', 'jti'],
  judged: ['exp', 'iat', 'nbf'],
  // Where our own tokens come back to us, expired is expired; ours have no nbf.
  toleranceSeconds: { exp: 0, iat: 15, nbf: 0 },
  takesFractions: false,
}

type AccessTokenSlot = Pick<Slot, 'keys' | 'header' | 'claims' | 'wrongTypes' | 'times'>

async function accessTokenSlot(fixture: JoseFixture): Promise<AccessTokenSlot> {
  const claims = decodeJwt((await issue(fixture, fixture.alice)).access_token)
  return {
    keys: fixture.serverKeys,
    header: ({ alg, kid }) => ({ alg, typ: 'at+jwt', kid }),
    claims: () => ({ ...claims, jti: randomUUID(), iat: now(), exp: now() + 60 }),
    wrongTypes: [...OTHER_TYPES, 'JWT', 'at', undefined, null, ['at+jwt']],
    times: OWN_TIMES,
  }
}

async function accessTokenInHeader(fixture: JoseFixture): Promise<Slot> {
  return {
    ...(await accessTokenSlot(fixture)),
    async put(token) {
      const { status, headers } = await fetch(`${fixture.app.issuer}/userinfo`, {
        headers: { authorization: `Bearer ${token}` },
      })
      return outcome(status, /error="(\w+)"/.exec(headers.get('www-authenticate') ?? '')?.[1])
    },
    refusals: ['401 invalid_token', '400 invalid_request'],
    carriedIn: 'header',
  }
}

async function accessTokenInForm(fixture: JoseFixture): Promise<Slot> {
  return {
    ...(await accessTokenSlot(fixture)),
    async put(token) {
      const { status, body } = await post(`${fixture.app.issuer}/userinfo`, { access_token: token })
      return outcome(status, body.error)
    },
    refusals: ['401 invalid_token', '400 invalid_request'],
    carriedIn: 'form',
  }
}

async function introspected(fixture: JoseFixture): Promise<Slot> {
  return {
    ...(await accessTokenSlot(fixture)),
    async put(token) {
      const asker = basic('demo-web', 'demo-web-secret-not-for-production')
      const { status, body } = await post(`${fixture.app.issuer}/introspect`, { token }, asker)
      return { taken: body.active === true, answer: `${status} ${JSON.stringify(body)}` }
    },
    // Nothing else, whatever is wrong with it (RFC 7662 section 2.2).
    refusals: ['200 {"active":false}'],
    carriedIn: 'form',
  }
}

/** A token that is not valid is none to revoke: 200 (RFC 7009 section 2.2), and nothing becomes known as revoked. */
async function revoked(fixture: JoseFixture): Promise<Slot> {
  const authorization = `Bearer ${await feedToken(fixture)}`
  let cursor = ''
  const entries = async () => {
    const response = await fetch(
      `${fixture.app.issuer}/revocations?${new URLSearchParams(cursor && { after: cursor })}`,
      {
        headers: { authorization, accept: 'application/json' },
      },
    )
    const page = (await response.json()) as { revocations: unknown[]; cursor?: string }
    cursor = page.cursor ?? cursor
    return page.revocations.length
  }
  const slot = await accessTokenSlot(fixture)
  return {
    ...slot,
    // A token that was issued while its API had another type can be ended; only what this server signed is.
    wrongTypes: slot.wrongTypes.filter((typ) => typ !== 'JWT'),
    async put(token) {
      await entries()
      const { status, text } = await post(`${fixture.app.issuer}/revoke`, { client_id: 'demo-spa', token })
      return { taken: (await entries()) > 0, answer: `${status} ${text}` }
    },
    refusals: ['200 '],
    carriedIn: 'form',
    // A token is ended by its signature: this clock may be wrong by so much.
    times: { ...slot.times, toleranceSeconds: { exp: 900, iat: 900, nbf: 0 } },
  }
}

/** A page of the revocations, or a poll that does not wait. */
export function askFeed(
  { app }: JoseFixture,
  route: string,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const poll = {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', accept: 'application/json' },
    body: '{"returnImmediately":true}',
  }
  const page = { headers: { ...headers, accept: 'application/json' } }
  return fetch(`${app.issuer}${route}`, route === SSF_POLL ? poll : page)
}

async function feedReader(fixture: JoseFixture, route: string): Promise<Slot> {
  const claims = decodeJwt(await feedToken(fixture))
  return {
    ...(await accessTokenSlot(fixture)),
    claims: () => ({ ...claims, jti: randomUUID(), iat: now(), exp: now() + 60 }),
    async put(token) {
      const { status, headers } = await askFeed(fixture, route, { authorization: `Bearer ${token}` })
      return outcome(status, /error="(\w+)"/.exec(headers.get('www-authenticate') ?? '')?.[1])
    },
    refusals: ['401 invalid_token', '401 undefined', '400 invalid_request'],
    carriedIn: 'header',
  }
}

type HintSlot = Pick<Slot, 'keys' | 'header' | 'claims' | 'wrongTypes' | 'times' | 'carriedIn'>

async function hintSlot(fixture: JoseFixture): Promise<HintSlot> {
  const claims = decodeJwt((await issue(fixture, fixture.alice)).id_token)
  return {
    keys: fixture.serverKeys.filter(({ alg }) => alg === 'RS256'),
    header: ({ alg, kid }) => ({ alg, kid }),
    claims: () => ({ ...claims, iat: now(), exp: now() + 60 }),
    wrongTypes: [...OTHER_TYPES, 'at+jwt', 'application/at+jwt', null],
    carriedIn: 'query',
    times: {
      ...OWN_TIMES,
      required: [],
      // A hint may be expired (OpenID Connect Core section 3.1.2.1): it tells who is meant and proves nothing.
      judged: ['iat', 'nbf'],
      toleranceSeconds: { exp: 0, iat: 60, nbf: 15 },
      takesFractions: true,
    },
  }
}

async function hintAtAuthorize(fixture: JoseFixture): Promise<Slot> {
  return {
    ...(await hintSlot(fixture)),
    async put(id_token_hint) {
      const { status, location } = await authorize(fixture.alice, { id_token_hint, prompt: 'none' })
      const error = location?.searchParams.get('error') ?? undefined
      return { taken: location?.searchParams.has('code') === true, answer: `${status} ${error}` }
    },
    // The last one for a hint too long to be read, which is too long to be sent back.
    refusals: ['303 invalid_request', '400 undefined'],
  }
}

async function hintAtLogout(fixture: JoseFixture): Promise<Slot> {
  return {
    ...(await hintSlot(fixture)),
    async put(hint) {
      const { status } = await read(await fixture.alice.get(`/logout?${new URLSearchParams({ id_token_hint: hint })}`))
      return { taken: status === 200, answer: `${status}` }
    },
    refusals: ['400'],
  }
}

function outcome(status: number, error: unknown): Outcome {
  return { taken: status === 200, answer: `${status} ${error}` }
}
