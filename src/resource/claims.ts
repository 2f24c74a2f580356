/**
 * What a verified access token says, and the checks of what it must say (RFC 9068 section 2.2).
 *
 * On the wire the RFC's spelling, in the API's code plain words: the translation happens here, once.
 */

import { TokenExpired, TokenInvalid } from './refusals.ts'

/**
 * The claims of a token that passed every check. Moments are epoch seconds.
 *
 * `subject` is the person's id, or the client's own id for a machine; compare `subject` with `clientId` to tell them
 * apart. There is no e-mail or name: an API that needs them asks the server, so a leaked token tells nothing personal.
 *
 * ```ts
 * const { subject, clientId, scopes, expiresAt } = await verifier.verify(token)
 * const mayWrite = scopes.includes('orders:write')   // or let `verify` demand it
 * ```
 */
export interface Claims {
  readonly issuer: string
  readonly subject: string
  readonly clientId: string
  readonly audience: readonly string[]
  /** In the order of the token; empty when it grants none. */
  readonly scopes: readonly string[]
  readonly issuedAt: number
  readonly expiresAt: number
  readonly tokenId: string
  /** Every claim as it stood in the token, for those that are not listed here. Frozen at the first level. */
  readonly payload: Readonly<Record<string, unknown>>
}

type Payload = Readonly<Record<string, unknown>>

/** Issuer and audience, byte for byte (RFC 9068 section 4). Throws `TokenInvalid`. */
export function checkAddress(payload: Payload, expected: { issuer: string; audience: string }): void {
  if (payload.iss !== expected.issuer) {
    throw new TokenInvalid('The access token comes from another issuer.', { detail: `iss is ${quote(payload.iss)}` })
  }
  if (!audienceOf(payload).includes(expected.audience)) {
    throw new TokenInvalid('The access token was issued for another API.', { detail: `aud is ${quote(payload.aud)}` })
  }
}

/** The time of a token whose signature holds. Throws `TokenExpired`, or `TokenInvalid` for one from the future. */
export function checkTime(payload: Payload, now: number, toleranceSeconds: number): void {
  const expiresAt = momentOf(payload, 'exp')
  // "The current time MUST be before" exp (RFC 9068 section 4): at that very second the token is dead.
  if (now >= expiresAt + toleranceSeconds) throw new TokenExpired({ detail: `exp was ${expiresAt}` })
  const latest = now + toleranceSeconds
  const notBefore = payload.nbf === undefined ? undefined : momentOf(payload, 'nbf')
  if (momentOf(payload, 'iat') > latest || (notBefore !== undefined && notBefore > latest)) {
    throw new TokenInvalid('The access token is not valid yet.', { detail: 'iat or nbf lies in the future' })
  }
}

/** The claims under their plain names. Throws `TokenInvalid` when a required one is missing or of another type. */
export function readClaims(payload: Payload): Claims {
  // A bound token (RFC 9449, RFC 8705) is worth nothing without the proof of its key. This verifier does not read
  // proofs yet, and taking the token as a plain bearer would undo the binding.
  if (payload.cnf !== undefined) {
    throw new TokenInvalid('The access token is bound to a key; this API takes plain bearer tokens only.')
  }
  return Object.freeze({
    issuer: textOf(payload, 'iss'),
    subject: textOf(payload, 'sub'),
    clientId: textOf(payload, 'client_id'),
    audience: Object.freeze(audienceOf(payload)),
    scopes: Object.freeze(scopesOf(payload)),
    issuedAt: momentOf(payload, 'iat'),
    expiresAt: momentOf(payload, 'exp'),
    tokenId: textOf(payload, 'jti'),
    payload: Object.freeze({ ...payload }),
  })
}

function audienceOf({ aud }: Payload): string[] {
  const list = Array.isArray(aud) ? aud : [aud]
  return list.every((entry) => typeof entry === 'string') ? list : []
}

/** `scope` with one space between its values (RFC 6749 section 3.3); a token that grants none may leave it out. */
function scopesOf({ scope }: Payload): string[] {
  if (scope === undefined || scope === '') return []
  if (typeof scope !== 'string' || !scope.split(' ').every(isScope)) throw claimWrong('scope')
  return scope.split(' ')
}

/** Whether a text is one scope value (RFC 6749 section 3.3). */
export function isScope(text: string): boolean {
  return /^[\x21\x23-\x5B\x5D-\x7E]+$/.test(text)
}

function textOf(payload: Payload, name: string): string {
  const value = payload[name]
  if (typeof value !== 'string' || value === '') throw claimWrong(name)
  return value
}

/** Whole seconds only: RFC 7519 section 2 would allow fractions, but no token of ours has them and few APIs expect them. */
function momentOf(payload: Payload, name: string): number {
  const value = payload[name]
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw claimWrong(name)
  return value as number
}

function claimWrong(name: string): TokenInvalid {
  return new TokenInvalid('The access token lacks a claim that RFC 9068 requires.', { detail: `claim ${name}` })
}

/** Untrusted text for the log: short, and JSON-escaped so that it stays on one line. */
function quote(value: unknown): string {
  return String(JSON.stringify(value)).slice(0, 200)
}
