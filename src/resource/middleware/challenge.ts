/**
 * The answer to a request that is refused: status, challenge (RFC 6750 section 3, RFC 9449 section 7.1, RFC 9470 section
 * 3, RFC 9728 section 5.1) and problem body (RFC 9457).
 */

import { AuthenticationInsufficient, DpopNonceNeeded, DpopProofInvalid, type Refusal } from '../refusals.ts'
import { VerifierUnavailable } from '../refusals.ts'
import type { Scheme } from '../request.ts'
import { PROBLEM_TYPE, problemBody } from './problem.ts'

/** An HTTP response as plain data, for frameworks that have no middleware here. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Problem details (RFC 9457) as JSON text. */
  readonly body: string
}

/** The content of a challenge in addition to the error. */
export interface ChallengeOptions {
  readonly realm: string
  /** The scopes that the route needs. The challenge names them, so a client knows what to request. */
  readonly scopes?: readonly string[]
  /** By which scheme the request brought its token; default Bearer. */
  readonly scheme?: Scheme | undefined
  /** The verifier's `dpopAlgorithms`; without them DPoP is not offered. */
  readonly dpopAlgorithms?: readonly string[]
  /** As the route has it; default `allowed`. */
  readonly dpop?: 'allowed' | 'required' | 'off' | undefined
  /** Where the API's own metadata is (RFC 9728). */
  readonly resourceMetadata?: string | undefined
}

/**
 * The response to a refused request: status, `WWW-Authenticate` (RFC 6750 section 3) and a problem body (RFC 9457).
 *
 * ```ts
 * const { status, headers, body } = answerTo(refusal, { scopes: ['orders:read'], realm: 'https://orders.example' })
 * // 401  { 'WWW-Authenticate': 'Bearer realm="https://orders.example", error="invalid_token", …' }
 * // {"type":"about:blank","title":"Unauthorized","status":401,"detail":"The access token has expired.","code":"token_expired"}
 * ```
 */
export function answerTo(refusal: Refusal, options: ChallengeOptions): Answer {
  const headers: Record<string, string> = { 'Content-Type': PROBLEM_TYPE, 'Cache-Control': 'no-store' }
  if (refusal instanceof VerifierUnavailable) headers['Retry-After'] = String(refusal.retryAfterSeconds)
  else headers['WWW-Authenticate'] = challenges(refusal, options)
  if (refusal instanceof DpopNonceNeeded) headers['DPoP-Nonce'] = refusal.nonce
  return { status: refusal.status, headers, body: problemBody(refusal) }
}

/** One challenge for each scheme that the route takes; what is wrong stands in that of the request. */
function challenges(refusal: Refusal, options: ChallengeOptions): string {
  const { scheme = 'Bearer', dpopAlgorithms = [], dpop } = options
  const offered: Scheme[] = []
  if (dpop !== 'required') offered.push('Bearer')
  if (dpopAlgorithms.length > 0 && dpop !== 'off') offered.push('DPoP')
  const isOfProof = refusal instanceof DpopProofInvalid || refusal instanceof DpopNonceNeeded
  const sent = isOfProof ? 'DPoP' : scheme
  const told = offered.includes(sent) ? sent : offered[0]
  return offered.map((one) => challenge(one, one === told ? refusal : undefined, options)).join(', ')
}

function challenge(scheme: Scheme, refusal: Refusal | undefined, options: ChallengeOptions): string {
  const { realm, scopes = [], dpopAlgorithms = [], resourceMetadata } = options
  const parameters = [`realm=${quoted(realm)}`]
  // A request that brought nothing learns how to ask, not what is wrong (RFC 6750 section 3.1).
  if (refusal?.error !== undefined) {
    parameters.push(`error=${quoted(refusal.error)}`, `error_description=${quoted(refusal.message)}`)
  }
  if (refusal instanceof AuthenticationInsufficient) parameters.push(...stepUp(refusal))
  if (scopes.length > 0) parameters.push(`scope=${quoted(scopes.join(' '))}`)
  if (resourceMetadata !== undefined) parameters.push(`resource_metadata=${quoted(resourceMetadata)}`)
  if (scheme === 'DPoP') parameters.push(`algs=${quoted(dpopAlgorithms.join(' '))}`)
  return `${scheme} ${parameters.join(', ')}`
}

function stepUp({ acr, maxAge }: AuthenticationInsufficient): string[] {
  return [
    ...(acr.length > 0 ? [`acr_values=${quoted(acr.join(' '))}`] : []),
    ...(maxAge === undefined ? [] : [`max_age=${quoted(String(maxAge))}`]),
  ]
}

/** A quoted-string (RFC 9110 section 5.6.4); what must not stand in a header is left out. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7E]/g, '').replace(/["\\]/g, '\\$&')}"`
}
