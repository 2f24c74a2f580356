/**
 * Checks a DPoP proof (RFC 9449 section 4.3): that the sender of this request has the key to which its token is bound.
 * Pure: state between requests is in replay-memory.ts and dpop-nonces.ts.
 */

import { createHash, createPublicKey, type JsonWebKey } from 'node:crypto'

import { type JsonObject, Malformed, readObject, splitCompact } from '../token/compact.ts'
import { DpopProofInvalid } from '../refusals.ts'
import { verificationWith } from '../token/signature.ts'

/** What the proof must match. */
export interface ExpectedProof {
  readonly method: string
  /** The absolute address by which the client called. Its query and fragment do not count. */
  readonly url: string
  readonly accessToken: string
  /** The thumbprint that the token names in `cnf.jkt` (RFC 9449 section 6.1). */
  readonly jkt: string
  readonly algorithms: readonly string[]
}

/** The parsed proof, valid for this request; its time and nonce are not checked yet. */
export interface Proof {
  readonly jti: string
  /** Epoch seconds. */
  readonly issuedAt: number
  readonly nonce: string | undefined
}

/** Throws `DpopProofInvalid`. */
export function checkProof(proof: string, expected: ExpectedProof): Proof {
  try {
    const { header, payload, signature, signed } = splitCompact(proof)
    const isGenuine = keyOf(readObject(header), expected)
    if (!isGenuine(signed, signature)) throw new Malformed('the signature does not hold')
    return readProof(readObject(payload), expected)
  } catch (cause) {
    if (cause instanceof DpopProofInvalid) throw cause
    throw new DpopProofInvalid({ detail: (cause as Error).message, cause })
  }
}

function keyOf(header: JsonObject, { jkt, algorithms }: ExpectedProof) {
  if (header.typ !== 'dpop+jwt') throw new Malformed('typ is not dpop+jwt')
  const { alg, jwk } = header
  if (typeof alg !== 'string' || !algorithms.includes(alg)) throw new Malformed('alg is not allowed')
  if (header.crit !== undefined || header.b64 !== undefined) throw new Malformed('it requires an extension')
  if (header.kid !== undefined && (typeof header.kid !== 'string' || header.kid === ''))
    throw new Malformed('kid is no name')
  if (KEY_POINTERS.some((member) => header[member] !== undefined)) throw new Malformed('it points to a key elsewhere')
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) throw new Malformed('jwk is no key')
  // Before anything is calculated with the key: another one than the token's is not worth it.
  if (thumbprintOf(jwk as JsonObject) !== jkt) throw new Malformed('the key is not that of the token')
  return verificationWith(createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }), alg)
}

/** A proof contains its key. A proof that names another place for the key is ambiguous. */
const KEY_POINTERS = ['jku', 'x5u', 'x5c']

/** What makes up a public key of each kind, in the order of its thumbprint (RFC 7638 section 3.2, RFC 8037 section 2). */
const PUBLIC_MEMBERS: Readonly<Record<string, readonly string[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
}
/**
 * A key that was sent with its private part is not secret any more (RFC 9449 section 4.3, check 7). The list is the
 * same as in base/jwk-members.ts, which this package does not import; a test compares them.
 */
export const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/** The thumbprint of a public key (RFC 7638). Throws `Malformed` for anything else. */
function thumbprintOf(jwk: JsonObject): string {
  if (PRIVATE_MEMBERS.some((member) => jwk[member] !== undefined)) throw new Malformed('jwk has a private part')
  const kind = typeof jwk.kty === 'string' && Object.hasOwn(PUBLIC_MEMBERS, jwk.kty) ? jwk.kty : ''
  const members = PUBLIC_MEMBERS[kind] ?? []
  if (members.length === 0 || members.some((member) => typeof jwk[member] !== 'string')) {
    throw new Malformed('jwk is no public key')
  }
  const canonical = JSON.stringify(Object.fromEntries(members.map((member) => [member, jwk[member]])))
  return createHash('sha256').update(canonical).digest('base64url')
}

function readProof(payload: JsonObject, { method, url, accessToken }: ExpectedProof): Proof {
  const { jti, htm, htu, iat, ath, nonce } = payload
  if (typeof jti !== 'string' || jti === '') throw new Malformed('jti is missing')
  if (htm !== method) throw new Malformed('htm is another method')
  if (typeof htu !== 'string' || normalAddress(htu) !== normalAddress(url)) {
    throw new Malformed(`htu is not ${JSON.stringify(normalAddress(url))}; is publicUrl right?`)
  }
  if (!Number.isSafeInteger(iat)) throw new Malformed('iat is missing')
  if (ath !== createHash('sha256').update(accessToken).digest('base64url')) throw new Malformed('ath is another token')
  if (nonce !== undefined && typeof nonce !== 'string') throw new Malformed('nonce is no text')
  return { jti, issuedAt: iat as number, nonce }
}

const UNRESERVED = /[\w.~-]/

/**
 * An address without query and fragment, scheme and host in lower case, no default port, dots resolved (RFC 9449 section
 * 4.3, check 9, RFC 3986 sections 6.2.2 and 6.2.3). Throws `Malformed` for what is no plain http(s) address.
 */
function normalAddress(text: string): string {
  // The `URL` parser accepts a backslash, a tab and a space. A correct proof contains none of them.
  const url = /^[\x21-\x5B\x5D-\x7E]+$/.test(text) ? URL.parse(text) : null
  if (url === null || !['https:', 'http:'].includes(url.protocol) || url.username !== '' || url.password !== '') {
    throw new Malformed('htu is no http address')
  }
  const path = url.pathname.replace(/%[0-9a-f]{2}/gi, (escaped) => {
    const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
    return UNRESERVED.test(character) ? character : escaped.toUpperCase()
  })
  return url.origin + path
}
