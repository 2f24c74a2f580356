/**
 * Verifying JWT access tokens (RFC 9068) where they are used, without a call to the server for each request.
 *
 * The checks run in the order of RFC 9068 section 4: what kind of token, which algorithm, whose, for whom, signed by
 * them, still alive, and then what it allows. None of them can be turned off: there is no option for it, and an unknown
 * option is a `TypeError`, so that a wish from another library does not silently do nothing.
 */

import { compactVerify, errors } from 'jose'
import type { CryptoKey, JWTHeaderParameters } from 'jose'

import { type Claims, checkAddress, checkTime, isScope, readClaims } from './claims.ts'
import { parseCompact } from './compact.ts'
import { createIntrospector, type IntrospectionOptions } from './introspection.ts'
import { createKeyCache } from './key-cache.ts'
import { type Fetch, isSafeAddress } from './metadata.ts'
import { createRevocationFeed, type RevocationOptions } from './revocation-feed.ts'
import { Refusal, ScopeInsufficient, TokenInvalid, TokenMissing } from './refusals.ts'

/** The algorithms that an API may allow. Asymmetric ones need no secret; HS256 stands alone (see `secret`). */
export type Algorithm = (typeof ASYMMETRIC)[number] | 'HS256'

const ASYMMETRIC = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
  'ML-DSA-65',
] as const

/** What Grantor signs with, but for ML-DSA-65 (RFC 9964), which an API that is configured with it names. */
const DEFAULT_ALGORITHMS: readonly Algorithm[] = ['RS256', 'PS256', 'ES256', 'EdDSA']

/** How an API describes what it accepts. Wrong or unknown members are a `TypeError` when the verifier is made. */
export interface VerifierOptions {
  /**
   * The server's issuer identifier, exactly as its metadata has it (RFC 8414 section 2). https; http only on this
   * machine.
   */
  readonly issuer: string
  /** The API's own identifier, which must stand in `aud`. */
  readonly audience: string
  /** Default: RS256, PS256, ES256, EdDSA. Naming the one that the API is configured with is stricter still. */
  readonly algorithms?: readonly Algorithm[]
  /**
   * At least 32 bytes that the API shares with the server (RFC 7518 section 3.2). With it only HS256 is accepted and no
   * keys are fetched; without it HS256 never is, so a public key cannot be passed off as a secret.
   */
  readonly secret?: Uint8Array
  /** How far clocks may differ, in seconds, 0 to 60; default 15. */
  readonly clockToleranceSeconds?: number
  /** Follows the issuer's revocation feed, so that what was ended is refused within a second. */
  readonly revocations?: RevocationOptions
  /** Accepts opaque tokens too, by asking the issuer about each (RFC 7662). */
  readonly introspection?: IntrospectionOptions
  /** The present moment in epoch milliseconds; default `Date.now`. */
  readonly clock?: () => number
  /** How metadata and keys are fetched; default the global `fetch`. */
  readonly fetch?: Fetch
}

export interface VerifyOptions {
  /** All of these must have been granted. */
  readonly scopes?: readonly string[]
}

export interface Verifier {
  readonly issuer: string
  readonly audience: string
  /**
   * The claims of a good token. `undefined` stands for a request without one.
   *
   * Throws `TokenMissing`, `TokenInvalid`, `TokenExpired`, `ScopeInsufficient` or `VerifierUnavailable`; nothing else.
   */
  verify(token: string | undefined, options?: VerifyOptions): Promise<Claims>
  /** Fetches the keys now instead of at the first request. Throws `VerifierUnavailable`. */
  prepare(): Promise<void>
  /** Stops following the revocation feed. */
  close(): Promise<void>
}

/**
 * A verifier for one API. Make it once, at start, and share it: it keeps the issuer's keys (for ten minutes or the
 * issuer's `max-age`, whichever is less; for an hour while the issuer is down).
 *
 * Throws a `TypeError` for options that are wrong, unknown or unsafe. Fetches nothing before it is needed.
 *
 * ```ts
 * import { createVerifier } from 'grantor/resource'
 *
 * const verifier = createVerifier({ issuer: 'https://login.example', audience: 'https://orders.example' })
 * const claims = await verifier.verify(token, { scopes: ['orders:read'] })
 * console.log(claims.subject, claims.scopes)   // 'u_81…' ['orders:read']
 * ```
 */
export function createVerifier(options: VerifierOptions): Verifier {
  checkOptions(options)
  const { issuer, audience, secret, clockToleranceSeconds = 15, clock = Date.now, fetch = globalThis.fetch } = options
  const algorithms: readonly string[] = secret === undefined ? (options.algorithms ?? DEFAULT_ALGORITHMS) : ['HS256']
  const feed = options.revocations && createRevocationFeed({ ...options.revocations, issuer, clock, fetch })
  const opaque =
    options.introspection && createIntrospector({ ...options.introspection, issuer, audience, clock, fetch })
  const keys = secret === undefined ? createKeyCache({ issuer, clock, fetch }) : undefined
  // A copy: the caller may wipe or reuse its buffer.
  const shared = secret === undefined ? undefined : new Uint8Array(secret)

  async function keyFor(header: JWTHeaderParameters): Promise<CryptoKey | Uint8Array> {
    if (keys !== undefined) return keys.find(header)
    return shared ?? Promise.reject(new TypeError('a verifier has keys or a secret'))
  }

  async function open(
    token: string,
  ): Promise<{ kid?: string | undefined; payload: Readonly<Record<string, unknown>> }> {
    if (opaque !== undefined && !token.includes('.')) {
      const payload = await opaque.introspect(token)
      checkAddress(payload, { issuer, audience })
      return { payload }
    }
    const { header, payload } = parseCompact(token)
    checkHeader(header, algorithms)
    checkAddress(payload, { issuer, audience })
    await checkSignature(token, keyFor, algorithms)
    return { kid: header.kid as string | undefined, payload }
  }

  return {
    issuer,
    audience,

    async verify(token, { scopes = [] } = {}) {
      if (token === undefined || token === '') throw new TokenMissing()
      if (typeof token !== 'string') throw new TokenInvalid('The access token is malformed.')
      const { kid, payload } = await open(token)
      checkTime(payload, Math.floor(clock() / 1000), clockToleranceSeconds)
      const claims = readClaims(payload)
      if (feed !== undefined) {
        // Whether a feed that cannot be had is a reason to refuse, checkSilence says.
        await feed.prepare().catch(() => undefined)
        feed.checkSilence()
        if (feed.covers({ ...payload, kid })) throw new TokenInvalid('The access token was revoked.')
      }
      if (!scopes.every((scope) => claims.scopes.includes(scope))) {
        throw new ScopeInsufficient(scopes, { detail: `needs ${scopes.join(' ')}, has ${claims.scopes.join(' ')}` })
      }
      return claims
    },

    async prepare() {
      await keys?.prepare()
      await feed?.prepare()
    },

    async close() {
      await feed?.close()
    },
  }
}

/** Members by which a token would bring, or point to, its own key. */
const KEY_MEMBERS = ['jwk', 'jku', 'x5u', 'x5c']

function checkHeader(header: Readonly<Record<string, unknown>>, algorithms: readonly string[]): void {
  // `application/` may be left out (RFC 7515 section 4.1.9). An ID token or a logout token ends here.
  if (header.typ !== 'at+jwt' && header.typ !== 'application/at+jwt') {
    throw new TokenInvalid('This is not an access token (RFC 9068).', { detail: 'typ is not at+jwt' })
  }
  if (typeof header.alg !== 'string' || !algorithms.includes(header.alg)) {
    throw new TokenInvalid('The access token is signed with an algorithm that is not allowed here.')
  }
  // We understand no extension, so we must refuse every token that requires one (RFC 7515 section 4.1.11).
  if (header.crit !== undefined || header.b64 !== undefined) {
    throw new TokenInvalid('The access token requires an extension that this API does not know.')
  }
  if (header.kid !== undefined && typeof header.kid !== 'string') {
    throw new TokenInvalid('The access token is malformed.', { detail: 'kid is not a text' })
  }
  // Ignoring them would do (keys come from the issuer's JWKS only); a token that tries is not one of the issuer's.
  const brought = KEY_MEMBERS.find((member) => header[member] !== undefined)
  if (brought !== undefined) {
    throw new TokenInvalid('The access token brings its own key.', { detail: `header member ${brought}` })
  }
}

async function checkSignature(
  token: string,
  keyFor: (header: JWTHeaderParameters) => Promise<CryptoKey | Uint8Array>,
  algorithms: readonly string[],
): Promise<void> {
  try {
    await compactVerify(token, (header) => keyFor(header as JWTHeaderParameters), { algorithms: [...algorithms] })
  } catch (cause) {
    if (cause instanceof Refusal) throw cause
    // Whatever else stops a signature from being checked (no such key, a weak one, a broken one): it does not hold.
    const detail = cause instanceof errors.JOSEError ? cause.code : (cause as Error).message
    throw new TokenInvalid('The signature of the access token does not hold.', { detail, cause })
  }
}

const OPTION_NAMES = new Set<string>([
  'issuer',
  'audience',
  'algorithms',
  'secret',
  'clockToleranceSeconds',
  'revocations',
  'introspection',
  'clock',
  'fetch',
] satisfies (keyof VerifierOptions)[])

const MAX_TOLERANCE_SECONDS = 60
const MIN_SECRET_BYTES = 32

function checkOptions(options: VerifierOptions): void {
  const unknown = Object.keys(options).find((name) => !OPTION_NAMES.has(name))
  if (unknown !== undefined) throw new TypeError(`createVerifier has no option "${unknown}"`)
  if (typeof options.issuer !== 'string' || !isSafeAddress(options.issuer) || /[?#]/.test(options.issuer)) {
    throw new TypeError('issuer must be an https URL without query or fragment; http only on localhost')
  }
  if (typeof options.audience !== 'string' || options.audience === '') {
    throw new TypeError('audience must be the identifier of this API, as the server has it')
  }
  checkTolerance(options.clockToleranceSeconds)
  checkAlgorithms(options)
}

function checkTolerance(seconds: number | undefined): void {
  if (seconds === undefined) return
  if (typeof seconds !== 'number' || !(seconds >= 0 && seconds <= MAX_TOLERANCE_SECONDS)) {
    throw new TypeError(`clockToleranceSeconds must be 0 to ${MAX_TOLERANCE_SECONDS}: set the clocks right instead`)
  }
}

function checkAlgorithms({ algorithms, secret }: VerifierOptions): void {
  if (secret !== undefined && (!(secret instanceof Uint8Array) || secret.byteLength < MIN_SECRET_BYTES)) {
    throw new TypeError(`secret must be at least ${MIN_SECRET_BYTES} bytes (RFC 7518 section 3.2)`)
  }
  if (algorithms === undefined) return
  const allowed: readonly string[] = secret === undefined ? ASYMMETRIC : ['HS256']
  if (!Array.isArray(algorithms) || algorithms.length === 0 || !algorithms.every((one) => allowed.includes(one))) {
    throw new TypeError(`algorithms must be some of ${allowed.join(', ')}${secret ? ' with a secret' : ''}`)
  }
}

/** The scopes that a route needs. Throws a `TypeError` for a text that no token could ever carry. */
export function checkScopes(scopes: readonly string[]): readonly string[] {
  if (!Array.isArray(scopes) || !scopes.every((scope) => typeof scope === 'string' && isScope(scope))) {
    throw new TypeError('scopes must be a list of scope values without spaces (RFC 6749 section 3.3)')
  }
  return [...scopes]
}
