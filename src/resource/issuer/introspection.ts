/**
 * Introspection of opaque tokens at the issuer (RFC 7662), for APIs that accept both kinds.
 *
 * An answer is kept for a few seconds, so that a burst of requests with one token costs one call, and never longer than
 * the token lives. When the issuer does not answer, every opaque token is refused.
 */

import { createHash } from 'node:crypto'

import { type ClientAccess, checkClientAccess, createClientAccess } from './client-access.ts'
import { refuseUnknownOptions } from '../known-options.ts'
import { addressIn, type Fetch, fetchJson, findMetadata, StatusUnexpected } from './metadata.ts'
import { TokenInvalid, VerifierUnavailable } from '../refusals.ts'
import { isWithin } from '../time.ts'

/**
 * The confidential client that the API uses at the issuer. The issuer answers what this client may know.
 *
 * ```ts
 * createVerifier({ issuer, audience, introspection: { clientId: 'orders-api', clientSecret: secret } })
 * ```
 */
export type IntrospectionOptions = ClientAccess & {
  /** How long a token counts as active without asking again: 0 to 30 seconds, default 10. */
  readonly keepSeconds?: number
}

export interface Introspector {
  /**
   * The claims of an active token, named as RFC 9068 section 2.2 names those of a JWT (`iss`, `jti` and, for a machine,
   * `sub` are filled in). The verifier checks them like those of a JWT. Throws `TokenInvalid` when the token is not
   * active, and `VerifierUnavailable` when the issuer does not answer.
   */
  introspect(token: string): Promise<Readonly<Record<string, unknown>>>
}

export interface IntrospectorParts {
  readonly issuer: string
  readonly audience: string
  /** Epoch milliseconds. */
  readonly clock: () => number
  readonly fetch: Fetch
}

const KEEP_SECONDS = 10
const LONGEST_KEEP_SECONDS = 30
/** An inactive token rarely becomes active. This time is for many requests with one bad token. */
const KEEP_INACTIVE_SECONDS = 10
/** Answers kept, of each kind: invented tokens push out invented tokens only. About 1 KB each. */
const MOST_KEPT = 10_000
/** Questions under way at once; more means that the issuer does not keep up. */
const MOST_ASKED = 256
const LONGEST_TOKEN = 4096

type Answer = Readonly<Record<string, unknown>>

/** Throws a `TypeError` for options that are wrong or unknown. Fetches nothing before the first token. */
export function createIntrospector(options: IntrospectionOptions & IntrospectorParts): Introspector {
  checkOptions(options)
  const { issuer, audience, clock, fetch, keepSeconds = KEEP_SECONDS } = options
  const authenticate = createClientAccess(options, { issuer, clock })
  const active = createAnswers<Answer>(clock)
  const inactive = createAnswers<true>(clock)
  const asking = new Map<string, Promise<Answer>>()
  let address: string | undefined

  async function ask(token: string, name: string): Promise<Answer> {
    const form = new URLSearchParams({ token, token_type_hint: 'access_token' })
    const answer = await post(form)
    const now = Math.floor(clock() / 1000)
    const claims = activeClaims(answer, { issuer, audience, now, name })
    if (claims === undefined) {
      inactive.keep(name, true, KEEP_INACTIVE_SECONDS)
      throw notActive()
    }
    active.keep(name, claims, Math.min(keepSeconds, (claims.exp as number) - now))
    return claims
  }

  async function post(form: URLSearchParams): Promise<Answer> {
    address ??= addressIn(await findMetadata(issuer, fetch), 'introspection_endpoint')
    const headers = await authenticate(form)
    try {
      return (await fetchJson(address, fetch, headers, form)).body
    } catch (error) {
      const { cause } = error as Error
      // It may have moved: the metadata says.
      if (cause instanceof StatusUnexpected && cause.status === 404) address = undefined
      throw error
    }
  }

  return {
    async introspect(token) {
      if (token.length > LONGEST_TOKEN) throw new TokenInvalid('The access token is malformed.')
      // No token stands in this process's memory longer than its request.
      const name = createHash('sha256').update(token).digest('base64url')
      if (inactive.find(name) !== undefined) throw notActive()
      const known = active.find(name)
      if (known !== undefined) return known

      const underWay = asking.get(name)
      if (underWay !== undefined) return underWay
      if (asking.size >= MOST_ASKED) throw new VerifierUnavailable({ detail: 'too many tokens are being asked about' })
      const asked = ask(token, name).finally(() => asking.delete(name))
      asking.set(name, asked)
      return asked
    },
  }
}

function notActive(): TokenInvalid {
  return new TokenInvalid('The access token is not active.')
}

interface Expected {
  readonly issuer: string
  readonly audience: string
  readonly now: number
  /** The hash of the token. */
  readonly name: string
}

/** `undefined` unless the answer says beyond doubt that this is a living access token, of this issuer and for this API. */
function activeClaims(answer: Answer, { issuer, audience, now, name }: Expected): Answer | undefined {
  const { active, iss = issuer, aud, exp, token_type: type, client_id: clientId, sub = clientId } = answer
  if (active !== true || iss !== issuer) return undefined
  // A refresh token is active too, and an answer about one has no type (RFC 7662 section 2.2 means by it that of section
  // 5.1 of RFC 6749, which only access tokens have).
  if (typeof type !== 'string') return undefined
  // Without an audience the token would be accepted by every API of the issuer.
  if (!(Array.isArray(aud) ? aud : [aud]).includes(audience)) return undefined
  if (typeof exp !== 'number' || exp <= now) return undefined
  // An opaque token is its own identifier, and the server sends no `jti`. The hash identifies the token and cannot be
  // used as one.
  return Object.freeze({ jti: name, ...answer, iss, sub })
}

interface Answers<T> {
  find(name: string): T | undefined
  keep(name: string, answer: T, seconds: number): void
}

function createAnswers<T>(clock: () => number): Answers<T> {
  const kept = new Map<string, { readonly answer: T; readonly sinceMs: number; readonly spanMs: number }>()

  return {
    find(name) {
      const found = kept.get(name)
      if (found === undefined) return undefined
      if (isWithin(found.sinceMs, found.spanMs, clock())) return found.answer
      kept.delete(name)
      return undefined
    },

    keep(name, answer, seconds) {
      kept.delete(name)
      kept.set(name, { answer, sinceMs: clock(), spanMs: seconds * 1000 })
      if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value ?? '')
    },
  }
}

const NAMES = ['clientId', 'clientSecret', 'clientKey', 'keepSeconds', 'issuer', 'audience', 'clock', 'fetch']

function checkOptions(options: IntrospectionOptions): void {
  refuseUnknownOptions('introspection', options, NAMES)
  checkClientAccess(options, 'introspection')
  const { keepSeconds: seconds } = options
  if (seconds !== undefined && !(typeof seconds === 'number' && seconds >= 0 && seconds <= LONGEST_KEEP_SECONDS)) {
    throw new TypeError(`keepSeconds must be 0 to ${LONGEST_KEEP_SECONDS}`)
  }
}
