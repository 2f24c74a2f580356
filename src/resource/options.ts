/** The options of a verifier; all others are refused. */

import type { IncomingMessage } from 'node:http'

import type { JsonObject } from './token/compact.ts'
import type { IntrospectionOptions } from './issuer/introspection.ts'
import { refuseUnknownOptions } from './known-options.ts'
import { type Fetch, isSafeAddress } from './issuer/metadata.ts'
import type { OutcomeEvent } from './outcomes.ts'
import type { RevocationOptions } from './revocations/revocation-feed.ts'
import type { DpopOptions } from './sender/sender.ts'
import { ASYMMETRIC, type AsymmetricAlgorithm } from './token/signature.ts'

/** The algorithms that an API may allow. Asymmetric ones need no secret; HS256 stands alone (see `secret`). */
export type Algorithm = AsymmetricAlgorithm | 'HS256'

/** How an API describes what it accepts. Wrong or unknown members are a `TypeError` when the verifier is made. */
export interface VerifierOptions<Custom = undefined> {
  /**
   * The server's issuer identifier, exactly as its metadata has it (RFC 8414 section 2). https; http only on this
   * machine.
   */
  readonly issuer: string
  /** The API's own identifier, which must stand in `aud`. */
  readonly audience: string
  /** Default: RS256, PS256, ES256, EdDSA. Naming only the algorithm of the API is stricter. */
  readonly algorithms?: readonly Algorithm[]
  /**
   * `JWT` where the API's tokens are configured to have that type (`token.typ`). Default: `at+jwt` (RFC 9068), which alone
   * says in the header that a token is an access token; with `JWT` that is told by its claims.
   */
  readonly tokenType?: 'at+jwt' | 'JWT'
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
  /** Accepts tokens that are bound to a DPoP key (RFC 9449). Without it they are refused. */
  readonly dpop?: DpopOptions
  /**
   * Returns the client's certificate of a request, in DER or PEM, for an API behind a proxy that ends TLS: from a
   * header that only the proxy can set. Default: the certificate of the connection. Called for tokens that are bound to
   * a certificate (RFC 8705 section 3).
   */
  readonly certificate?: (request: IncomingMessage) => Uint8Array | string | undefined
  /**
   * Checks the claims of your own and gives them a type: what it returns is `custom` of the claims, and a token for
   * which it throws is refused. Called once for a token, before others remember its result.
   */
  readonly readCustom?: (payload: JsonObject) => Custom
  /** How many verified tokens are remembered, so that their signature is checked once; default 10,000, 0 for none. */
  readonly rememberTokens?: number
  /** Called with the outcome of each token, for metrics. An error it throws is ignored. */
  readonly onOutcome?: (event: OutcomeEvent) => void
  /** The present time in epoch milliseconds; default `Date.now`. */
  readonly clock?: () => number
  /** How metadata and keys are fetched; default the global `fetch`. */
  readonly fetch?: Fetch
}

const OPTION_NAMES = [
  'issuer',
  'audience',
  'algorithms',
  'tokenType',
  'secret',
  'clockToleranceSeconds',
  'revocations',
  'introspection',
  'dpop',
  'certificate',
  'readCustom',
  'rememberTokens',
  'onOutcome',
  'clock',
  'fetch',
] satisfies (keyof VerifierOptions)[]

const FUNCTIONS = ['certificate', 'readCustom', 'onOutcome', 'clock', 'fetch'] as const
const MAX_TOLERANCE_SECONDS = 60
const MIN_SECRET_BYTES = 32
/** Each of them may take some 4 KB. */
const MAX_REMEMBERED = 1_000_000

/** Throws a `TypeError`. */
export function checkOptions(options: VerifierOptions<unknown>): void {
  refuseUnknownOptions('createVerifier', options, OPTION_NAMES)
  if (typeof options.issuer !== 'string' || !isSafeAddress(options.issuer) || /[?#]/.test(options.issuer)) {
    throw new TypeError('issuer must be an https URL without query or fragment; http only on localhost')
  }
  if (typeof options.audience !== 'string' || options.audience === '') {
    throw new TypeError('audience must be the identifier of this API, as the server has it')
  }
  const noFunction = FUNCTIONS.find((name) => options[name] !== undefined && typeof options[name] !== 'function')
  if (noFunction !== undefined) throw new TypeError(`${noFunction} must be a function`)
  if (options.tokenType !== undefined && options.tokenType !== 'at+jwt' && options.tokenType !== 'JWT') {
    throw new TypeError('tokenType must be at+jwt or JWT')
  }
  checkNumbers(options)
  checkAlgorithms(options)
}

function checkNumbers({ clockToleranceSeconds: seconds = 0, rememberTokens = 0 }: VerifierOptions<unknown>): void {
  if (typeof seconds !== 'number' || !(seconds >= 0 && seconds <= MAX_TOLERANCE_SECONDS)) {
    throw new TypeError(`clockToleranceSeconds must be 0 to ${MAX_TOLERANCE_SECONDS}: set the clocks right instead`)
  }
  if (!Number.isInteger(rememberTokens) || rememberTokens < 0 || rememberTokens > MAX_REMEMBERED) {
    throw new TypeError(`rememberTokens must be 0 to ${MAX_REMEMBERED}`)
  }
}

function checkAlgorithms({ algorithms, secret }: VerifierOptions<unknown>): void {
  if (secret !== undefined && (!(secret instanceof Uint8Array) || secret.byteLength < MIN_SECRET_BYTES)) {
    throw new TypeError(`secret must be at least ${MIN_SECRET_BYTES} bytes (RFC 7518 section 3.2)`)
  }
  if (algorithms === undefined) return
  const allowed: readonly string[] = secret === undefined ? ASYMMETRIC : ['HS256']
  if (!Array.isArray(algorithms) || algorithms.length === 0 || !algorithms.every((one) => allowed.includes(one))) {
    throw new TypeError(`algorithms must be some of ${allowed.join(', ')}${secret ? ' with a secret' : ''}`)
  }
}
