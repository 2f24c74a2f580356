/**
 * Whether a key-bound token comes from the holder of the key: by DPoP (RFC 9449) or by the certificate of the
 * connection (RFC 8705 section 3).
 */

import { createHash, X509Certificate } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

import type { Confirmation } from '../token/claims.ts'
import { checkProof, type Proof } from './dpop.ts'
import { createDpopNonces, type DpopNonceOptions } from './dpop-nonces.ts'
import { refuseUnknownOptions } from '../known-options.ts'
import { DpopNonceNeeded, DpopProofInvalid, TokenInvalid, VerifierUnavailable } from '../refusals.ts'
import { createReplayMemory } from './replay-memory.ts'
import { ASYMMETRIC, type AsymmetricAlgorithm } from '../token/signature.ts'

/** How an API takes tokens that are bound to a DPoP key (RFC 9449). */
export interface DpopOptions {
  /**
   * The address under which clients call the API: scheme, host, port, and the part of the path that a proxy takes away.
   * Proofs must be for this address and no other, so it does not come from the request's own `Host`, which the sender
   * chooses; a function may look at the request to choose among the API's own addresses.
   */
  readonly publicUrl: string | ((request: IncomingMessage) => string)
  /** How proofs may be signed; default ES256, EdDSA, PS256 and RS256. */
  readonly algorithms?: readonly AsymmetricAlgorithm[]
  /** How old a proof may be, in seconds, 1 to 300; default 60. With nonces, the nonce's age counts instead. */
  readonly maxAgeSeconds?: number
  /** Requires a nonce of this API in every proof (RFC 9449 section 9), so no proof can be made in advance. */
  readonly nonce?: DpopNonceOptions
  /**
   * Remembers proofs for all instances of the API, where there are several: resolves to `true` when `name` was never
   * seen, and keeps it for `ttlSeconds`, in one step (in Redis: SET NX EX). `name` is a hash. When it fails, the request
   * is refused with 503.
   */
  readonly replay?: (name: string, ttlSeconds: number) => Promise<boolean>
}

/** What a request has in addition to its token. */
export interface Sender {
  /** Set when the token came with the DPoP scheme. */
  readonly dpop?: DpopSent | undefined
  /** The client's certificate on this connection, in DER. */
  readonly certificate: () => Uint8Array | undefined
}

export interface DpopSent {
  /** The one `DPoP` header. */
  readonly proof: string
  readonly method: string
  /** The absolute address by which the client called. */
  readonly url: string
  /** Told a nonce that the response should carry in `DPoP-Nonce`, when the client's will soon be too old. */
  readonly onNonce?: ((nonce: string) => void) | undefined
}

export interface ProofChecker {
  readonly algorithms: readonly string[]
  /** The method and address for which the proof of a request must be. */
  addressed(request: IncomingMessage, originalUrl?: string): Pick<DpopSent, 'method' | 'url'>
  /** Throws `DpopProofInvalid`, `DpopNonceNeeded`, or `VerifierUnavailable` when replays cannot be checked. */
  check(sent: DpopSent, token: string, jkt: string): Promise<void>
}

const ALGORITHMS: readonly AsymmetricAlgorithm[] = ['ES256', 'EdDSA', 'Ed25519', 'PS256', 'RS256']
const MAX_AGE_SECONDS = 60
/** Some 30 MB: more than one process can verify within a minute. */
const MAX_PROOFS = 300_000

interface Clocks {
  /** Epoch milliseconds. */
  readonly clock: () => number
  readonly toleranceSeconds: number
}

/** Throws a `TypeError` for options that are wrong. */
export function createProofChecker(options: DpopOptions, { clock, toleranceSeconds }: Clocks): ProofChecker {
  checkOptions(options)
  const { algorithms = ALGORITHMS, maxAgeSeconds = MAX_AGE_SECONDS, replay } = options
  const nonces = options.nonce && createDpopNonces(options.nonce, { clock, toleranceSeconds })
  const spanSeconds = nonces?.lifetimeSeconds ?? maxAgeSeconds + 2 * toleranceSeconds
  const used = createReplayMemory({ spanSeconds, clock, maxProofs: MAX_PROOFS })

  /** A nonce contains a time of our own clock. Without one the client's clock has to do (RFC 9449 section 4.3, 11). */
  function checkFreshness({ issuedAt, nonce }: Proof, onNonce: DpopSent['onNonce']): void {
    if (nonces === undefined) {
      const age = clock() / 1000 - issuedAt
      if (age <= maxAgeSeconds + toleranceSeconds && age >= -toleranceSeconds) return
      throw new DpopProofInvalid({ detail: `iat is ${Math.round(age)} s ago` })
    }
    const current = nonces.current()
    if (nonce === undefined || !nonces.isValid(nonce)) throw new DpopNonceNeeded(current)
    if (nonce !== current) onNonce?.(current)
  }

  async function checkOnce({ jti }: Proof, jkt: string): Promise<void> {
    const name = createHash('sha256').update(`${jkt}.${jti}`).digest('base64url')
    const isNew = used.use(name)
    if (isNew === undefined) throw new VerifierUnavailable({ detail: 'more DPoP proofs than can be remembered' })
    if (!isNew || (replay !== undefined && !(await isNewEverywhere(replay, name, spanSeconds)))) {
      throw new DpopProofInvalid({ detail: 'the proof was used before' })
    }
  }

  return {
    algorithms,

    addressed(request, originalUrl = request.url ?? '/') {
      const base = typeof options.publicUrl === 'string' ? options.publicUrl : options.publicUrl(request)
      return { method: request.method ?? '', url: base.replace(/\/$/, '') + originalUrl }
    },

    async check(sent, token, jkt) {
      const { method, url, onNonce } = sent
      const proof = checkProof(sent.proof, { method, url, accessToken: token, jkt, algorithms })
      checkFreshness(proof, onNonce)
      await checkOnce(proof, jkt)
    },
  }
}

async function isNewEverywhere(replay: NonNullable<DpopOptions['replay']>, name: string, ttl: number) {
  try {
    return (await replay(name, Math.ceil(ttl))) === true
  } catch (cause) {
    throw new VerifierUnavailable({ detail: `dpop.replay: ${(cause as Error | undefined)?.message}`, cause })
  }
}

export interface Bound {
  readonly token: string
  readonly confirmation: Confirmation
  readonly sender: Sender
  readonly mode: 'allowed' | 'required' | 'off' | undefined
  readonly proofs: ProofChecker | undefined
}

/**
 * Whether the sender holds the keys to which the token is bound; a promise only where a proof must be checked. Throws
 * `TokenInvalid`, or rejects as `ProofChecker.check`.
 */
export function checkSender({ token, confirmation, sender, mode, proofs }: Bound): Promise<void> | undefined {
  const { jkt, x5t } = confirmation
  if (x5t !== undefined) checkCertificate(x5t, sender.certificate())
  if (jkt === undefined) {
    // Accepting it as bound would give an unbound token the protection of a proof that does not belong to it (RFC 9449
    // section 7.1).
    if (sender.dpop !== undefined) throw new TokenInvalid('The access token is not bound to a DPoP key.')
    if (mode === 'required') throw new TokenInvalid('This API takes only access tokens that are bound to a DPoP key.')
    return undefined
  }
  // Taking it as a plain bearer would undo the binding (RFC 9449 section 7.2).
  if (proofs === undefined || mode === 'off') {
    throw new TokenInvalid('The access token is bound to a key; this API takes plain bearer tokens only.')
  }
  if (sender.dpop === undefined) throw new TokenInvalid('The access token is bound to a key and came without a proof.')
  return proofs.check(sender.dpop, token, jkt)
}

/** RFC 8705 section 3. */
function checkCertificate(x5t: string, der: Uint8Array | undefined): void {
  if (der !== undefined && createHash('sha256').update(der).digest('base64url') === x5t) return
  const detail = der === undefined ? 'the connection has no certificate' : 'another certificate'
  throw new TokenInvalid('The access token is bound to the certificate of another connection.', { detail })
}

/** The certificate of a connection over TLS, if the client has shown one. */
export function certificateOf(request: IncomingMessage): Uint8Array | undefined {
  const socket = request.socket as { getPeerX509Certificate?: () => X509Certificate | undefined }
  return socket.getPeerX509Certificate?.()?.raw
}

/** DER as it is, PEM as DER; `undefined` for what is neither. */
export function derOf(certificate: Uint8Array | string | undefined): Uint8Array | undefined {
  if (certificate === undefined || certificate === '') return undefined
  try {
    return new X509Certificate(certificate).raw
  } catch {
    return undefined
  }
}

const OPTION_NAMES = ['publicUrl', 'algorithms', 'maxAgeSeconds', 'nonce', 'replay'] satisfies (keyof DpopOptions)[]

function checkOptions(options: DpopOptions): void {
  refuseUnknownOptions('dpop', options, OPTION_NAMES)
  const { publicUrl, algorithms = ALGORITHMS, maxAgeSeconds = MAX_AGE_SECONDS, replay } = options
  if (typeof publicUrl !== 'function' && (typeof publicUrl !== 'string' || !/^https?:\/\/[^?#]+$/.test(publicUrl))) {
    throw new TypeError('dpop.publicUrl must be the http(s) address under which the API is called, without query')
  }
  if (!Array.isArray(algorithms) || algorithms.length === 0 || !algorithms.every((one) => ASYMMETRIC.includes(one))) {
    throw new TypeError(`dpop.algorithms must be some of ${ASYMMETRIC.join(', ')}`)
  }
  if (!(maxAgeSeconds >= 1 && maxAgeSeconds <= 300)) throw new TypeError('dpop.maxAgeSeconds must be 1 to 300')
  if (replay !== undefined && typeof replay !== 'function') throw new TypeError('dpop.replay must be a function')
}
