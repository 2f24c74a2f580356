/**
 * Checks JWTs of callers strictly before the engine reads them.
 *
 * The engine verifies signatures and claims, but parses leniently: of a repeated member it takes the last, it skips
 * line ends and unused bits, and it ignores unknown members of a header. Other software that checked the token before
 * may have read it differently. So a JWT that is ambiguous, brings a key or demands an extension is refused, as the
 * verifier for APIs does (RFC 7515 sections 4 and 4.1.11, RFC 8725 sections 2.4 and 3.10).
 */

import type { IncomingMessage } from 'node:http'

import { privateMembersIn } from '../../base/jwk-members.ts'
import { type CompactParts, type JsonObject, parseCompact } from '../../resource/token/compact.ts'
import { Refusal } from '../../resource/refusals.ts'

/** Header members that neither our access tokens nor a client's JWTs use. */
const REFUSED_MEMBERS = ['crit', 'b64', 'jku', 'x5u', 'x5c']
const NUMERIC_DATES = ['iat', 'nbf', 'exp']

export interface ReadOptions {
  /** Whether the key comes in the header, as in a DPoP proof. Otherwise a key there is refused. */
  readonly bringsKey?: boolean
  /** Epoch seconds: a JWT issued later is refused. */
  readonly latestIssuedAt?: number
}

/** Its parts, not yet verified; `undefined` when they could be read in two ways or ask for what we do not do. */
export function readStrictly(token: unknown, options: ReadOptions = {}): CompactParts | undefined {
  const { bringsKey = false, latestIssuedAt = Number.MAX_SAFE_INTEGER } = options
  const parts = typeof token === 'string' ? parsed(token) : undefined
  if (parts === undefined) return undefined
  const { header, payload, signature } = parts
  if (REFUSED_MEMBERS.some((member) => header[member] !== undefined)) return undefined
  if (header.kid !== undefined && (typeof header.kid !== 'string' || header.kid === '')) return undefined
  if (bringsKey ? !isPublicKey(header.jwk) : header.jwk !== undefined) return undefined
  if (isRsa(header) && !isWholeRsaSignature(signature)) return undefined
  if (!NUMERIC_DATES.every((claim) => payload[claim] === undefined || isNumericDate(payload[claim]))) return undefined
  return Number(payload.iat ?? 0) > latestIssuedAt ? undefined : parts
}

/**
 * oidc-provider has no hook to validate DPoP proofs, so an ambiguous proof is replaced by a value that the engine
 * rejects.
 */
export function withholdAmbiguousProof({ headers }: IncomingMessage): void {
  if (headers.dpop === undefined || readStrictly(headers.dpop, { bringsKey: true }) !== undefined) return
  headers.dpop = 'ambiguous'
}

function parsed(token: string): CompactParts | undefined {
  try {
    return parseCompact(token)
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

function isRsa({ alg }: JsonObject): boolean {
  return typeof alg === 'string' && /^[RP]S/.test(alg)
}

/**
 * An RSA signature is as long as the modulus (RFC 8017 section 8.1.2 step 1), and OpenSSL, beneath the engine, takes one
 * of PSS without its leading zeros, too. The key is not known here, but the moduli in use are whole multiples of 64 bits
 * (2048, 3072, 4096), so a shortened one shows. A key of another length cannot be used here.
 */
function isWholeRsaSignature(signature: string): boolean {
  return Buffer.byteLength(signature, 'base64url') % 8 === 0
}

/** RFC 9449 section 4.3 check 7. */
function isPublicKey(jwk: unknown): boolean {
  return typeof jwk === 'object' && jwk !== null && privateMembersIn(jwk).length === 0
}

/**
 * RFC 7519 section 2 allows fractions of a second, and clients send them. A date before 1970 or a non-number is
 * invalid.
 */
function isNumericDate(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER
}
