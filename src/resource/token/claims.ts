/**
 * The claims of a verified access token, and the checks of its required claims (RFC 9068 section 2.2).
 *
 * The wire has the RFC's spelling, the API's code has plain words. Only this file translates.
 */

import type { JsonObject } from './compact.ts'
import { TokenExpired, TokenInvalid } from '../refusals.ts'

/**
 * The claims of a token that passed every check. Times are epoch seconds. Frozen at every depth, because the verifier
 * reuses them for the next request with the same token.
 *
 * `subject` is the person's id, or the client's own id for a machine; compare `subject` with `clientId` to distinguish
 * them. There is no e-mail or name: an API that needs them asks the server, so a leaked token contains nothing
 * personal.
 *
 * ```ts
 * const { subject, clientId, scopes, expiresAt } = await verifier.verify(token)
 * const mayWrite = scopes.includes('orders:write')   // or let `verify` demand it
 * ```
 */
export interface Claims<Custom = undefined> {
  readonly issuer: string
  readonly subject: string
  readonly clientId: string
  readonly audience: readonly string[]
  /** In the order of the token; empty when it grants none. */
  readonly scopes: readonly string[]
  readonly issuedAt: number
  readonly expiresAt: number
  readonly tokenId: string
  /** When the person last signed in; `undefined` for a machine, or when the token does not say. */
  readonly authenticatedAt: number | undefined
  /** How strongly the person signed in (`acr`); `undefined` when the token does not say. */
  readonly acr: string | undefined
  /** The result of the verifier's `readCustom` for your own claims. */
  readonly custom: Custom
  /** Every claim as it was in the token, also those that are not listed here. */
  readonly payload: JsonObject
}

/** The key without whose proof a token is worth nothing (RFC 9449 section 6, RFC 8705 section 3.1). */
export interface Confirmation {
  /** The thumbprint of a DPoP key. */
  readonly jkt: string | undefined
  /** The thumbprint of a client's certificate. */
  readonly x5t: string | undefined
}

/** When a token begins and ends, in epoch seconds. */
export interface Lifetime {
  readonly startsAt: number
  readonly expiresAt: number
}

/** Issuer and audience, byte for byte (RFC 9068 section 4). Throws `TokenInvalid`. */
export function checkAddress(payload: JsonObject, expected: { issuer: string; audience: string }): void {
  if (payload.iss !== expected.issuer) {
    throw new TokenInvalid('The access token comes from another issuer.', { detail: `iss is ${quote(payload.iss)}` })
  }
  if (payload.aud !== expected.audience && !audienceOf(payload).includes(expected.audience)) {
    throw new TokenInvalid('The access token was issued for another API.', { detail: `aud is ${quote(payload.aud)}` })
  }
}

/** Throws `TokenInvalid` for times that are missing or of another type. */
export function readLifetime(payload: JsonObject): Lifetime {
  const issuedAt = numericDate(payload, 'iat')
  const startsAt = payload.nbf === undefined ? issuedAt : Math.max(issuedAt, numericDate(payload, 'nbf'))
  return { startsAt, expiresAt: numericDate(payload, 'exp') }
}

/** Throws `TokenExpired`, or `TokenInvalid` for a token from the future. `now` in epoch seconds. */
export function checkLifetime({ startsAt, expiresAt }: Lifetime, now: number, toleranceSeconds: number): void {
  // "The current time MUST be before" exp (RFC 9068 section 4): at that very second the token is dead.
  if (now >= expiresAt + toleranceSeconds) throw new TokenExpired({ detail: `exp was ${expiresAt}` })
  if (startsAt > now + toleranceSeconds) {
    throw new TokenInvalid('The access token is not valid yet.', { detail: 'iat or nbf lies in the future' })
  }
}

/** The claims under their plain names. Throws `TokenInvalid` when a required one is missing or of another type. */
export function readClaims<Custom>(payload: JsonObject, readCustom: (payload: JsonObject) => Custom): Claims<Custom> {
  return Object.freeze({
    issuer: textOf(payload, 'iss'),
    subject: textOf(payload, 'sub'),
    clientId: textOf(payload, 'client_id'),
    audience: Object.freeze(audienceOf(payload)),
    scopes: Object.freeze(scopesOf(payload)),
    issuedAt: numericDate(payload, 'iat'),
    expiresAt: numericDate(payload, 'exp'),
    tokenId: textOf(payload, 'jti'),
    authenticatedAt: payload.auth_time === undefined ? undefined : numericDate(payload, 'auth_time'),
    acr: payload.acr === undefined ? undefined : textOf(payload, 'acr'),
    payload: freeze(payload) as JsonObject,
    custom: freeze(customOf(payload, readCustom)) as Custom,
  })
}

const UNBOUND: Confirmation = Object.freeze({ jkt: undefined, x5t: undefined })

/**
 * Throws `TokenInvalid` for a `cnf` that this verifier cannot check: without the check, a bound token would be accepted
 * as a plain bearer token.
 */
export function readConfirmation({ cnf }: JsonObject): Confirmation {
  if (cnf === undefined) return UNBOUND
  const { jkt, 'x5t#S256': x5t, ...others } = Object(cnf) as Record<string, unknown>
  const known = [jkt, x5t].filter((one) => one !== undefined)
  if (Object.keys(others).length > 0 || known.length === 0 || !known.every(isThumbprint)) {
    throw new TokenInvalid('The access token is bound in a way that this API cannot check.', { detail: 'claim cnf' })
  }
  return { jkt: jkt as string | undefined, x5t: x5t as string | undefined }
}

/** SHA-256 in base64url. */
function isThumbprint(value: unknown): boolean {
  return typeof value === 'string' && /^[\w-]{43}$/.test(value)
}

function customOf<Custom>(payload: JsonObject, readCustom: (payload: JsonObject) => Custom): Custom {
  try {
    return readCustom(payload)
  } catch (cause) {
    const detail = `readCustom: ${(cause as Error | undefined)?.message}`
    throw new TokenInvalid('The access token lacks a claim that this API requires.', { detail, cause })
  }
}

/** At every depth, of what JSON can hold; instances of other classes are left as they are. */
function freeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return value
  Object.freeze(value)
  for (const inner of Object.values(value)) freeze(inner)
  return value
}

function audienceOf({ aud }: JsonObject): string[] {
  const list = Array.isArray(aud) ? aud : [aud]
  return list.every((entry) => typeof entry === 'string') ? [...list] : []
}

const SCOPES = /^[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*$/

/** `scope` with one space between its values (RFC 6749 section 3.3); a token that grants none may leave it out. */
function scopesOf({ scope }: JsonObject): string[] {
  if (scope === undefined || scope === '') return []
  if (typeof scope !== 'string' || !SCOPES.test(scope)) throw claimWrong('scope')
  return scope.split(' ')
}

/** Whether a text is one scope value (RFC 6749 section 3.3). */
export function isScope(text: string): boolean {
  return SCOPES.test(text) && !text.includes(' ')
}

function textOf(payload: JsonObject, name: string): string {
  const value = payload[name]
  if (typeof value !== 'string' || value === '') throw claimWrong(name)
  return value
}

/** Whole seconds only: RFC 7519 section 2 allows fractions, but our tokens have none and few APIs expect them. */
function numericDate(payload: JsonObject, name: string): number {
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
