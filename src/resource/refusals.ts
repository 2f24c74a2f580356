/**
 * Why a request is turned away: one class for each reason, with a stable code.
 *
 * `code` is for machines and never changes, `message` goes to the caller and is always one of our own fixed sentences
 * (so nothing of the token can be smuggled into a header or a page), `detail` is for the API's own log.
 */

export type RefusalCode =
  | 'token_missing'
  | 'token_misplaced'
  | 'token_invalid'
  | 'token_expired'
  | 'token_revoked'
  | 'dpop_proof_invalid'
  | 'dpop_nonce_needed'
  | 'scope_insufficient'
  | 'authentication_insufficient'
  | 'verifier_unavailable'

/** The error codes of RFC 6750 section 3.1, RFC 9449 section 12.2 and RFC 9470 section 3. */
export type BearerError =
  | 'invalid_request'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce'
  | 'insufficient_user_authentication'

export interface RefusalOptions {
  /** For the log, never for the caller. */
  readonly detail?: string
  readonly cause?: unknown
}

/**
 * The common shape of everything that `verify` and the middleware refuse with.
 *
 * `status` is the HTTP status to answer with; `error` is the `error` of the challenge, absent where RFC 6750 wants none.
 *
 * ```ts
 * try {
 *   const claims = await verifier.verify(token, { scopes: ['orders:read'] })
 * } catch (error) {
 *   if (!(error instanceof Refusal)) throw error
 *   console.log(error.code, error.status, error.detail)   // 'token_expired' 401 'exp was 1700000000'
 * }
 * ```
 */
export abstract class Refusal extends Error {
  abstract readonly code: RefusalCode
  abstract readonly status: 400 | 401 | 403 | 503
  abstract readonly error: BearerError | undefined
  readonly detail: string | undefined

  constructor(message: string, options: RefusalOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.detail = options.detail
  }
}

/**
 * `token_missing`, 401: the request brings no bearer token. Its challenge has no error code (RFC 6750 section 3.1).
 *
 * ```ts
 * await verifier.verify(undefined)   // rejects with TokenMissing
 * ```
 */
export class TokenMissing extends Refusal {
  readonly code = 'token_missing'
  readonly status = 401
  readonly error = undefined

  constructor() {
    super('This needs an access token in the Authorization header: Bearer, a space, the token.')
  }
}

/**
 * `token_misplaced`, 400 `invalid_request`: a token in the query, where logs and referrers keep it (RFC 9700 section
 * 4.3.2), or more than one Authorization header (RFC 6750 section 2).
 *
 * ```ts
 * await fetch('https://orders.example/orders?access_token=…')   // 400, code token_misplaced
 * ```
 */
export class TokenMisplaced extends Refusal {
  readonly code = 'token_misplaced'
  readonly status = 400
  readonly error = 'invalid_request'

  constructor() {
    super('Send the access token once, and only in the Authorization header.')
  }
}

/**
 * `token_invalid`, 401 `invalid_token`: not a token of this issuer for this API, altered, or malformed.
 *
 * ```ts
 * await verifier.verify(idToken)   // rejects with TokenInvalid: 'This is not an access token (RFC 9068).'
 * ```
 */
export class TokenInvalid extends Refusal {
  readonly code = 'token_invalid'
  readonly status = 401
  readonly error = 'invalid_token'
}

/**
 * `token_expired`, 401 `invalid_token`: genuine, but its time is over; the client refreshes and tries again.
 *
 * ```ts
 * await verifier.verify(yesterdaysToken)   // rejects with TokenExpired
 * ```
 */
export class TokenExpired extends Refusal {
  readonly code = 'token_expired'
  readonly status = 401
  readonly error = 'invalid_token'

  constructor(options: RefusalOptions = {}) {
    super('The access token has expired.', options)
  }
}

/**
 * `token_revoked`, 401 `invalid_token`: genuine, but access was ended. The person may have to sign in again before the
 * client gets another token.
 *
 * ```ts
 * await verifier.verify(revokedToken)   // rejects with TokenRevoked
 * ```
 */
export class TokenRevoked extends Refusal {
  readonly code = 'token_revoked'
  readonly status = 401
  readonly error = 'invalid_token'

  constructor(options: RefusalOptions = {}) {
    super('The access token was revoked.', options)
  }
}

/**
 * `dpop_proof_invalid`, 401 `invalid_dpop_proof`: the token is bound to a key, and the proof of that key is missing,
 * made for another request, too old, or used before (RFC 9449 section 4.3).
 *
 * ```ts
 * await verifier.verify(token, { dpopProof: { proof: yesterdaysProof, method, url } })   // rejects with DpopProofInvalid
 * ```
 */
export class DpopProofInvalid extends Refusal {
  readonly code = 'dpop_proof_invalid'
  readonly status = 401
  readonly error = 'invalid_dpop_proof'

  constructor(options: RefusalOptions = {}) {
    super('The DPoP proof does not hold for this request.', options)
  }
}

/**
 * `dpop_nonce_needed`, 401 `use_dpop_nonce`: the proof has no nonce of this API, or an old one. The response carries
 * one in `DPoP-Nonce`; the client makes another proof with it and tries again (RFC 9449 section 9).
 *
 * ```ts
 * await verifier.verify(token, { dpopProof: { proof, method, url } })   // rejects with DpopNonceNeeded; error.nonce is to be sent
 * ```
 */
export class DpopNonceNeeded extends Refusal {
  readonly code = 'dpop_nonce_needed'
  readonly status = 401
  readonly error = 'use_dpop_nonce'
  readonly nonce: string

  constructor(nonce: string, options: RefusalOptions = {}) {
    super('The DPoP proof needs the nonce of this response.', options)
    this.nonce = nonce
  }
}

/**
 * `scope_insufficient`, 403 `insufficient_scope`: genuine and alive, but not enough for this. `needed` lists every
 * scope that the request needs, not only the missing ones (RFC 6750 section 3).
 *
 * ```ts
 * await verifier.verify(readToken, { scopes: ['orders:write'] })   // rejects with ScopeInsufficient
 * ```
 */
export class ScopeInsufficient extends Refusal {
  readonly code = 'scope_insufficient'
  readonly status = 403
  readonly error = 'insufficient_scope'
  readonly needed: readonly string[]

  constructor(needed: readonly string[], options: RefusalOptions = {}) {
    super('The access token does not allow this.', options)
    this.needed = needed
  }
}

/**
 * `authentication_insufficient`, 401 `insufficient_user_authentication`: genuine, but the person has to sign in again, or
 * in a stronger way, before this is allowed (RFC 9470 section 3). `acr` and `maxAge` are what the request needs.
 *
 * ```ts
 * await verifier.verify(oldSignIn, { maxAge: 300 })   // rejects with AuthenticationInsufficient
 * ```
 */
export class AuthenticationInsufficient extends Refusal {
  readonly code = 'authentication_insufficient'
  readonly status = 401
  readonly error = 'insufficient_user_authentication'
  readonly acr: readonly string[]
  /** Seconds. */
  readonly maxAge: number | undefined

  constructor(
    { acr = [], maxAge }: { acr?: readonly string[]; maxAge?: number | undefined },
    options: RefusalOptions = {},
  ) {
    super('This needs a more recent or a stronger sign-in.', options)
    this.acr = acr
    this.maxAge = maxAge
  }
}

/**
 * `verifier_unavailable`, 503: the issuer's metadata, keys or revocations cannot be had, so nothing can be called valid. No fault of
 * the token, hence no challenge.
 *
 * ```ts
 * await createVerifier({ issuer: 'https://down.example', audience }).prepare()   // rejects with VerifierUnavailable
 * ```
 */
export class VerifierUnavailable extends Refusal {
  readonly code = 'verifier_unavailable'
  readonly status = 503
  readonly error = undefined
  readonly retryAfterSeconds = 2

  constructor(options: RefusalOptions = {}) {
    super('Access tokens cannot be checked right now. Please try again in a moment.', options)
  }
}
