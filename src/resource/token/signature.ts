/**
 * Checking a signature with node's own cryptography, in one step on the thread that asks: a public key checks one in
 * some 30 to 100 microseconds, less than it costs to hand it to another thread and back.
 *
 * A key is fit for one algorithm and no other, so the `alg` of a token can only choose among what the key allows.
 */

import { constants, createHmac, type KeyObject, timingSafeEqual, verify } from 'node:crypto'

/** What verifies signatures made with one key by one algorithm. */
export type Verification = (signed: string, signature: string) => boolean

interface Kind {
  readonly type: 'rsa' | 'ec' | 'ed25519' | 'ml-dsa-65'
  /** As node names it; null where the algorithm brings its own. */
  readonly digest: string | null
  readonly curve?: string
  readonly signatureBytes?: number
  readonly saltLength?: number
}

/** RFC 7518 section 3.1, RFC 8037 section 3.1, RFC 9864 section 2.2, RFC 9964. */
const KINDS = {
  RS256: { type: 'rsa', digest: 'sha256' },
  RS384: { type: 'rsa', digest: 'sha384' },
  RS512: { type: 'rsa', digest: 'sha512' },
  // The salt is as long as the digest, and no other length will do (RFC 7518 section 3.5).
  PS256: { type: 'rsa', digest: 'sha256', saltLength: 32 },
  PS384: { type: 'rsa', digest: 'sha384', saltLength: 48 },
  PS512: { type: 'rsa', digest: 'sha512', saltLength: 64 },
  ES256: { type: 'ec', digest: 'sha256', curve: 'prime256v1', signatureBytes: 64 },
  ES384: { type: 'ec', digest: 'sha384', curve: 'secp384r1', signatureBytes: 96 },
  ES512: { type: 'ec', digest: 'sha512', curve: 'secp521r1', signatureBytes: 132 },
  EdDSA: { type: 'ed25519', digest: null, signatureBytes: 64 },
  Ed25519: { type: 'ed25519', digest: null, signatureBytes: 64 },
  'ML-DSA-65': { type: 'ml-dsa-65', digest: null, signatureBytes: 3309 },
} as const satisfies Record<string, Kind>

export type AsymmetricAlgorithm = keyof typeof KINDS

/** Every algorithm with a public key that can be allowed. */
export const ASYMMETRIC = Object.keys(KINDS) as readonly AsymmetricAlgorithm[]

/** RFC 7518 section 3.3 and 3.5. */
const MIN_RSA_BITS = 2048

/**
 * Throws an `Error` when the key is of another kind than the algorithm asks, or too weak for it. The key is for this
 * alone from then on.
 */
export function verificationWith(key: KeyObject, alg: string): Verification {
  const kind: Kind | undefined = Object.hasOwn(KINDS, alg) ? KINDS[alg as AsymmetricAlgorithm] : undefined
  if (kind === undefined || key.type !== 'public' || key.asymmetricKeyType !== kind.type) {
    throw new Error(`the key is not one for ${alg}`)
  }
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {}
  if (namedCurve !== kind.curve) throw new Error(`the key is on another curve than ${alg} asks`)
  if (kind.type === 'rsa' && modulusLength < MIN_RSA_BITS) throw new Error(`an RSA key of ${modulusLength} bits`)
  // Options of `verify` may stand in the key itself. In an object around it they would cost node 9 microseconds more each
  // time: it finds out that the object is no key by an exception.
  const input = Object.assign(key, signatureFormat(kind))
  // An RSA signature is as long as the modulus (RFC 8017 section 8.1.2 step 1). OpenSSL takes one of PSS without its
  // leading zeros, too: a second text for one token.
  const signatureBytes = kind.signatureBytes ?? Math.ceil(modulusLength / 8)
  return function isGenuine(signed, signature) {
    const bytes = Buffer.from(signature, 'base64url')
    if (bytes.length !== signatureBytes) return false
    return verify(kind.digest, Buffer.from(signed, 'latin1'), input, bytes)
  }
}

/** The same for HS256 (RFC 7518 section 3.2). */
export function verificationWithSecret(secret: KeyObject): Verification {
  return function isGenuine(signed, signature) {
    const bytes = Buffer.from(signature, 'base64url')
    const right = createHmac('sha256', secret).update(signed, 'latin1').digest()
    return bytes.length === right.length && timingSafeEqual(bytes, right)
  }
}

function signatureFormat({ type, saltLength }: Kind) {
  // r and s side by side, and not in DER (RFC 7518 section 3.4).
  if (type === 'ec') return { dsaEncoding: 'ieee-p1363' as const }
  if (type !== 'rsa') return {}
  return saltLength === undefined
    ? { padding: constants.RSA_PKCS1_PADDING }
    : { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }
}
