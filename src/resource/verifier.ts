/**
 * Verifies JWT access tokens (RFC 9068) at an API, without a call to the server for each request.
 *
 * The checks run in the order of RFC 9068 section 4: type, algorithm, issuer, audience, signature, time; then
 * revocation, scopes and the sender. No check can be turned off: there is no option for it, and an unknown option is a
 * `TypeError`, so that an option of another library is not ignored silently.
 */

import type { IncomingMessage } from 'node:http'

import { type Claims, checkAddress, checkLifetime } from './token/claims.ts'
import { createFirstSight, type KnownToken } from './token/first-sight.ts'
import { createIntrospector } from './issuer/introspection.ts'
import { checkOptions, type VerifierOptions } from './options.ts'
import { observed, type Progress } from './outcomes.ts'
import { TokenInvalid, TokenMissing, TokenRevoked } from './refusals.ts'
import { proofOf, readAuthorization } from './request.ts'
import { checkAllowed, type Requirements } from './requirements.ts'
import { createRevocationFeed } from './revocations/revocation-feed.ts'
import { certificateOf, checkSender, createProofChecker, type DpopSent, derOf, type Sender } from './sender/sender.ts'
import { createTokenMemory } from './token/token-memory.ts'

/** What a token must allow, and the proof that came with a bound token. */
export interface VerifyOptions extends Requirements {
  /** The proof, when the token came with the DPoP scheme. */
  readonly dpopProof?: DpopSent
  /** The client's certificate on this connection, in DER or PEM. */
  readonly certificate?: Uint8Array | string
}

/** What a route requires, and what its framework knows better than the request. */
export interface RequestOptions extends Requirements {
  /** Path and query as the client sent them, where the framework has changed `request.url`. */
  readonly originalUrl?: string | undefined
  /** Told a nonce that the response should carry in `DPoP-Nonce`. */
  readonly onNonce?: (nonce: string) => void
}

export interface Verifier<Custom = undefined> {
  readonly issuer: string
  readonly audience: string
  /** How DPoP proofs may be signed; empty when tokens that are bound to a DPoP key are not accepted. */
  readonly dpopAlgorithms: readonly string[]
  /**
   * The claims of a good token. `undefined` stands for a request without one.
   *
   * Throws `TokenMissing`, `TokenInvalid`, `TokenExpired`, `TokenRevoked`, `ScopeInsufficient`,
   * `AuthenticationInsufficient`, `DpopProofInvalid`, `DpopNonceNeeded` or `VerifierUnavailable`; nothing else.
   */
  verify(token: string | undefined, options?: VerifyOptions): Promise<Claims<Custom>>
  /** The same for a request of node:http, with the proof or certificate that it brings. Throws `TokenMisplaced` too. */
  verifyRequest(request: IncomingMessage, options?: RequestOptions): Promise<Claims<Custom>>
  /** Fetches the keys and begins to follow revocations now instead of at the first request. Throws `VerifierUnavailable`. */
  prepare(): Promise<void>
  /** Stops following the revocation feed. */
  close(): Promise<void>
}

/** What Grantor signs with, but for ML-DSA-65 (RFC 9964), which an API that is configured with it names. */
const DEFAULT_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA']
const REMEMBERED = 10_000
/** Room for as many tokens of the usual 1 kB; larger ones are fewer. */
const REMEMBERED_CHARACTERS_EACH = 1024

/**
 * A verifier for one API. Create it once at the start and share it. It caches the issuer's keys (for ten minutes or the
 * issuer's `max-age`, whichever is less; for an hour while the issuer is down), and the tokens that it has verified
 * until they expire, are revoked, or the issuer changes its keys.
 *
 * Throws a `TypeError` for options that are wrong, unknown or unsafe. Makes no call before the first use.
 *
 * ```ts
 * import { createVerifier } from 'grantor/resource'
 *
 * const verifier = createVerifier({ issuer: 'https://login.example', audience: 'https://orders.example' })
 * const claims = await verifier.verify(token, { scopes: ['orders:read'] })
 * console.log(claims.subject, claims.scopes)   // 'u_81…' ['orders:read']
 * ```
 */
export function createVerifier<Custom = undefined>(options: VerifierOptions<Custom>): Verifier<Custom> {
  checkOptions(options)
  const { issuer, audience, secret, clockToleranceSeconds: toleranceSeconds = 15, certificate, onOutcome } = options
  const { clock = Date.now, fetch = globalThis.fetch, rememberTokens = REMEMBERED } = options
  const algorithms = secret === undefined ? (options.algorithms ?? DEFAULT_ALGORITHMS) : ['HS256']
  const readCustom = options.readCustom ?? (() => undefined as Custom)
  const { tokenType } = options
  const parts = { issuer, audience, algorithms, tokenType, secret, toleranceSeconds, readCustom, clock, fetch }
  const sight = createFirstSight(parts)
  const feed = options.revocations && createRevocationFeed({ ...options.revocations, issuer, clock, fetch })
  const opaque =
    options.introspection && createIntrospector({ ...options.introspection, issuer, audience, clock, fetch })
  const proofs = options.dpop && createProofChecker(options.dpop, { clock, toleranceSeconds })
  const memory = createTokenMemory<KnownToken<Custom>>({
    maxTokens: rememberTokens,
    maxCharacters: rememberTokens * REMEMBERED_CHARACTERS_EACH,
  })
  const { keys } = sight
  let generation = 0

  /** Tokens that were verified with other keys than the issuer's present ones are dropped. */
  function currentMemory(): typeof memory {
    if (generation !== keys.generation) memory.clear()
    generation = keys.generation
    return memory
  }

  async function meet(token: string): Promise<KnownToken<Custom>> {
    const known = opaque !== undefined && !token.includes('.') ? await ask(token) : await sight.open(token)
    if (known.generation === keys.generation) currentMemory().remember(token, known)
    // Whether a feed that cannot be had is a reason to refuse, checkSilence says.
    await feed?.prepare().catch(() => undefined)
    return known
  }

  async function ask(token: string): Promise<KnownToken<Custom>> {
    const payload = await opaque?.introspect(token)
    if (payload === undefined) throw new TypeError('this verifier was made without introspection')
    checkAddress(payload, { issuer, audience })
    return sight.read(payload)
  }

  async function check(token: string | undefined, needs: Requirements, sender: Sender, progress: Progress) {
    if (token === undefined || token === '') throw new TokenMissing()
    if (typeof token !== 'string') throw new TokenInvalid('The access token is malformed.')
    let known = currentMemory().find(token)
    if (known !== undefined && !keys.isFresh()) {
      await keys.prepare()
      known = currentMemory().find(token)
    }
    progress.remembered = known !== undefined
    known ??= await meet(token)
    const now = Math.floor(clock() / 1000)
    checkLifetime(known.lifetime, now, toleranceSeconds)
    if (feed !== undefined) {
      feed.checkSilence()
      if (feed.covers(known.revocable)) throw new TokenRevoked()
    }
    checkAllowed(known.claims, needs, { now, toleranceSeconds })
    const checking = checkSender({ token, confirmation: known.confirmation, sender, mode: needs.dpop, proofs })
    if (checking !== undefined) await checking
    return known.claims
  }

  function senderOf(request: IncomingMessage, { originalUrl, onNonce }: RequestOptions, isDpop: boolean): Sender {
    return {
      certificate: () => (certificate === undefined ? certificateOf(request) : derOf(certificate(request))),
      dpop:
        isDpop && proofs !== undefined
          ? { ...proofs.addressed(request, originalUrl), proof: proofOf(request), onNonce }
          : undefined,
    }
  }

  /** `performance.now`, because the clock of the options may stand still. */
  function told<T>(work: (progress: Progress) => Promise<T>): Promise<T> {
    if (onOutcome === undefined) return work({ remembered: false })
    return observed({ onOutcome, elapsed: () => performance.now() }, work)
  }

  return {
    issuer,
    audience,
    dpopAlgorithms: proofs?.algorithms ?? [],

    verify(token, needs = {}) {
      const sender = { dpop: needs.dpopProof, certificate: () => derOf(needs.certificate) }
      return told((progress) => check(token, needs, sender, progress))
    },

    verifyRequest(request, needs = {}) {
      return told(async (progress) => {
        const { scheme, token } = readAuthorization(request)
        const isDpop = scheme === 'DPoP'
        // To an API that does not speak DPoP it is a scheme like any other that it does not know.
        if (isDpop && (proofs === undefined || needs.dpop === 'off')) throw new TokenMissing()
        if (token === undefined) throw new TokenMissing()
        return check(token, needs, senderOf(request, needs, isDpop), progress)
      })
    },

    async prepare() {
      await keys.prepare()
      await feed?.prepare()
    },

    async close() {
      await feed?.close()
    },
  }
}
