/**
 * Requests as an attacker writes them (parameters twice, missing, of any kind), and what came back, unfollowed.
 *
 * And the clients that the attacks need beside the demo's.
 */

import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { type JWTPayload, SignJWT } from 'jose'
import { expect } from 'vitest'

import { randomId } from '../../src/base/ids.ts'
import type { Running, StartOptions } from './start.ts'
import { createUserAgent, newPkce, type Pkce, type SignInOptions, signIn, type UserAgent } from './user-agent.ts'

/** A list sends the parameter so many times; `undefined` leaves it out. */
export type Params = Readonly<Record<string, string | readonly string[] | undefined>>

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Where it redirects to. */
  readonly location: URL | undefined
}

export function form(params: Params): URLSearchParams {
  const pairs = Object.entries(params).flatMap(([name, values]) =>
    [values ?? []].flat().map((value) => [name, value] as [string, string]),
  )
  return new URLSearchParams(pairs)
}

export function query(params: Params): string {
  return form(params).toString()
}

/** A good authorization request of the demo's SPA, with these parameters in place of its own. */
export function authorizationParams(params: Params, pkce: Pkce = newPkce()): Params {
  return {
    client_id: 'demo-spa',
    redirect_uri: SPA_CALLBACK,
    response_type: 'code',
    scope: 'openid orders:read',
    state: 'a-state',
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
    ...params,
  }
}

export const SPA_CALLBACK = 'http://localhost:4011/callback'

/** Opens the authorization endpoint with these parameters in place of a good request's. */
export async function authorize(agent: UserAgent, params: Params): Promise<Answer> {
  return read(await agent.get(`/authorize?${query(authorizationParams(params))}`))
}

export async function read(response: Response): Promise<Answer> {
  const location = response.headers.get('location')
  return {
    status: response.status,
    headers: response.headers,
    text: await response.text(),
    location: location === null ? undefined : new URL(location, 'http://relative.invalid'),
  }
}

/** Refused where no redirect URI can be trusted: a page that leads nowhere. */
export function expectPageWithoutRedirect(answer: Answer, status = 400): void {
  expect(answer.status, answer.text).toBe(status)
  expect(answer.headers.get('location')).toBeNull()
  expect(answer.headers.get('content-type')).toContain('text/html')
}

/** Refused to the application, at its registered address. */
export function expectErrorAtClient(answer: Answer, error: string, callback: string = SPA_CALLBACK): void {
  expect(answer.location?.href ?? answer.text).toContain(`${callback}?`)
  expect(answer.location?.searchParams.get('error')).toBe(error)
  expect(answer.location?.searchParams.has('code')).toBe(false)
}

export interface Granted {
  readonly code: string
  readonly pkce: Pkce
}

/** A new code of this browser; it signs in and consents where it has not yet. */
export async function newCode(agent: UserAgent, options: SignInOptions = {}): Promise<Granted> {
  const pkce = newPkce()
  const callback = await signIn(agent, pkce, options)
  const code = callback.get('code')
  if (code === null) throw new Error(`no code, but ${callback.toString()}`)
  return { code, pkce }
}

/** A browser in which Alice is signed in, at the demo's SPA. */
export async function signedIn(app: Running): Promise<UserAgent> {
  const agent = createUserAgent(app)
  await signIn(agent, newPkce())
  return agent
}

export const SECRET = 'a-secret-of-the-tests-with-more-than-256-bits'
export const CALLBACK = 'http://localhost:4999/callback'

/** A client with a secret, and what makes it different from the plain one. */
export function confidential(
  clientId: string,
  more: Partial<NonNullable<StartOptions['clients']>[number]> = {},
): NonNullable<StartOptions['clients']>[number] {
  return {
    authMethod: 'client_secret_basic',
    secretHash: createHash('sha256').update(SECRET).digest('base64url'),
    grantTypes: ['authorization_code', 'refresh_token', 'client_credentials'],
    redirectUris: [CALLBACK],
    ...more,
    clientId,
  }
}

export function basic(id: string, secret: string = SECRET): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` }
}

/** A POST to an endpoint, body and headers as given. */
export async function post(
  url: string,
  params: Params,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer & { readonly body: Record<string, unknown> }> {
  const response = await fetch(url, { method: 'POST', body: form(params), headers, redirect: 'manual' })
  const answer = await read(response)
  const json = answer.headers.get('content-type')?.includes('json') === true
  return { ...answer, body: json ? (JSON.parse(answer.text) as Record<string, unknown>) : {} }
}

/** Asks userinfo with this token. */
export function userinfo(issuer: string, token: unknown): Promise<Response> {
  return fetch(`${issuer}/userinfo`, { headers: { authorization: `Bearer ${String(token)}` } })
}

/** The token request of an authorization code, with these parameters in place of its own. */
export function redemption({ code, pkce }: Granted, params: Params = {}): Params {
  return {
    grant_type: 'authorization_code',
    client_id: 'demo-spa',
    redirect_uri: SPA_CALLBACK,
    code,
    code_verifier: pkce.verifier,
    ...params,
  }
}

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

export interface KeyedClient {
  readonly settings: NonNullable<StartOptions['clients']>[number]
  readonly privateKey: KeyObject
  /** A good client assertion, with these claims in place of its own. */
  assertion(issuer: string, claims?: JWTPayload, header?: Readonly<Record<string, string>>): Promise<string>
}

/** A client that signs assertions with a key of its own. */
export function keyed(clientId: string): KeyedClient {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'of-the-client', alg: 'ES256', use: 'sig' }
  return {
    settings: confidential(clientId, {
      authMethod: 'private_key_jwt',
      secretHash: undefined,
      jwks: { keys: [jwk] },
    }),
    privateKey,
    assertion(issuer, claims = {}, header = {}) {
      const now = Math.floor(Date.now() / 1000)
      return new SignJWT({
        iss: clientId,
        sub: clientId,
        aud: issuer,
        jti: randomId(),
        iat: now,
        exp: now + 60,
        ...claims,
      })
        .setProtectedHeader({ alg: 'ES256', kid: 'of-the-client', ...header })
        .sign(privateKey)
    },
  }
}

/** An unsigned token. */
export function unsigned(claims: object, header: object = {}): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none', ...header })}.${part(claims)}.`
}

export const ORDERS = 'https://orders.example'
export const SHARED = 'https://shared.example'
export const OPAQUE = 'https://opaque.example'

/** An API for each kind of access token: signed with a key, signed with a secret, opaque. The client `api` speaks for all. */
export const KINDS_OF_API: NonNullable<StartOptions['apis']> = [
  {
    audience: SHARED,
    scopes: { 'shared:read': 'Read' },
    algorithm: 'HS256',
    secret: Buffer.alloc(32, 7),
    introspectedBy: ['api'],
  },
  { audience: OPAQUE, scopes: { 'opaque:read': 'Read' }, tokenFormat: 'opaque', introspectedBy: ['api'] },
  { audience: ORDERS, introspectedBy: ['api'] },
]

/** A scope of each. */
export const SCOPE_OF: Readonly<Record<string, string>> = {
  [SHARED]: 'shared:read',
  [OPAQUE]: 'opaque:read',
  [ORDERS]: 'orders:read',
}
