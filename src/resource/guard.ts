/**
 * What the three middlewares have in common: finding the token in a request, and the answer to a request that is
 * refused (RFC 6750 challenge, RFC 9457 body).
 */

import type { IncomingMessage } from 'node:http'

import type { Claims } from './claims.ts'
import { Refusal, TokenInvalid, TokenMisplaced, VerifierUnavailable } from './refusals.ts'
import { checkScopes, type Verifier } from './verifier.ts'

/** What a guarded route needs. */
export interface BearerOptions {
  /** All of these must have been granted; default none: any good token for this API. */
  readonly scopes?: readonly string[]
  /** The `realm` of the challenge; default the verifier's audience. */
  readonly realm?: string
}

/** An HTTP response as plain data, for frameworks that have no middleware here. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Problem details (RFC 9457) as JSON text. */
  readonly body: string
}

export type Outcome = { readonly claims: Claims } | { readonly answer: Answer }

/** A function that lets a request through with its claims, or says what to answer. Other errors than refusals are thrown. */
export function createGuard(
  verifier: Verifier,
  { scopes = [], realm = verifier.audience }: BearerOptions,
): (request: IncomingMessage) => Promise<Outcome> {
  const needed = checkScopes(scopes)
  return async function guard(request) {
    try {
      return { claims: await verifier.verify(bearerToken(request), { scopes: needed }) }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return { answer: answerTo(error, { scopes: needed, realm }) }
    }
  }
}

/**
 * The token of a request: from the Authorization header, and only from there (RFC 6750 section 2.1). The form body is
 * never read; a token in the query or a second header is refused.
 *
 * Gives `undefined` when there is none, or when another scheme is used. Throws `TokenMisplaced`, and `TokenInvalid` when
 * what follows `Bearer` cannot be a token.
 *
 * ```ts
 * const claims = await verifier.verify(bearerToken(request))
 * ```
 */
export function bearerToken(request: IncomingMessage): string | undefined {
  const url = request.url ?? ''
  const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : ''
  const sent = request.headersDistinct.authorization ?? []
  if (sent.length > 1 || new URLSearchParams(query).has('access_token')) throw new TokenMisplaced()
  // The scheme in any case (RFC 9110 section 11.1), the token as RFC 6750 section 2.1 spells it.
  const [, credentials] = /^bearer(?: +(.*))?$/i.exec(sent[0]?.trim() ?? '') ?? []
  if (credentials === undefined || credentials === '') return undefined
  if (!/^[\w.~+/-]+=*$/.test(credentials)) throw new TokenInvalid('The access token is malformed.')
  return credentials
}

/**
 * The response to a refused request: status, `WWW-Authenticate` (RFC 6750 section 3) and a problem body (RFC 9457).
 *
 * `scopes` are those that the route needs; the challenge names them, so a client knows what to ask for.
 *
 * ```ts
 * const { status, headers, body } = answerTo(refusal, { scopes: ['orders:read'], realm: 'https://orders.example' })
 * // 401  { 'WWW-Authenticate': 'Bearer realm="https://orders.example", error="invalid_token", …' }
 * // {"type":"about:blank","title":"Unauthorized","status":401,"detail":"The access token has expired.","code":"token_expired"}
 * ```
 */
export function answerTo(
  refusal: Refusal,
  { scopes = [], realm }: { scopes?: readonly string[]; realm: string },
): Answer {
  const { status, code, message } = refusal
  const headers: Record<string, string> = { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' }
  if (refusal instanceof VerifierUnavailable) headers['Retry-After'] = String(refusal.retryAfterSeconds)
  else headers['WWW-Authenticate'] = challenge(refusal, scopes, realm)
  const body = JSON.stringify({ type: 'about:blank', title: TITLES[status], status, detail: message, code })
  return { status, headers, body }
}

/** With `about:blank` the title is the status phrase (RFC 9457 section 4.2.1). */
const TITLES = { 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 503: 'Service Unavailable' } as const

function challenge(refusal: Refusal, scopes: readonly string[], realm: string): string {
  const parameters = [`realm=${quoted(realm)}`]
  // A request that brought nothing learns how to ask, not what is wrong (RFC 6750 section 3.1).
  if (refusal.error !== undefined) {
    parameters.push(`error=${quoted(refusal.error)}`, `error_description=${quoted(refusal.message)}`)
  }
  if (scopes.length > 0) parameters.push(`scope=${quoted(scopes.join(' '))}`)
  return `Bearer ${parameters.join(', ')}`
}

/** A quoted-string (RFC 9110 section 5.6.4); what must not stand in a header is left out. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7E]/g, '').replace(/["\\]/g, '\\$&')}"`
}
