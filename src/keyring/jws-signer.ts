/**
 * Signs JWTs with the keys of one ring, wherever they are held.
 *
 * A signature on a small curve is made at once on the calling thread: ES256 takes about 24 microseconds of processor
 * time there, and 52 in the thread pool by WebCrypto, where it would also wait behind password hashes. RSA takes ten
 * times as long and belongs in the pool. tools/bench/ has the figures of whole requests.
 */

import { constants, createPrivateKey, type KeyObject, type SignKeyObjectInput, sign } from 'node:crypto'
import { promisify } from 'node:util'

import { SignerUnavailable } from '../faults/keyring.ts'
import type { BoundSigner } from './external-signer/external-signer.ts'
import { isExternal, type KeyAlgorithm, type KeyJwk, type ExternalJwk, type PrivateJwk } from './signing-key.ts'

/** What signs with the ring's current keys. */
export interface JwsSigner {
  /**
   * The claims as a compact JWS (RFC 7515 section 3.1) with `typ`, signed with the key that signs for `alg` now. Throws
   * `SignerUnavailable`, and a `TypeError` when the ring has no such key.
   */
  sign(alg: KeyAlgorithm, typ: string, claims: object): Promise<string>
}

/** Of several keys for one algorithm the first one signs. */
export function createJwsSigner(jwks: readonly KeyJwk[], signer: BoundSigner | undefined): JwsSigner {
  const byAlgorithm = new Map<KeyAlgorithm, SigningKey>()
  for (const jwk of jwks) {
    if (!byAlgorithm.has(jwk.alg))
      byAlgorithm.set(jwk.alg, {
        kid: jwk.kid,
        sign: isExternal(jwk) ? externalSignature(jwk, signer) : signatureWith(jwk),
      })
  }

  return {
    async sign(alg, typ, claims) {
      const key = byAlgorithm.get(alg)
      if (key === undefined) throw new TypeError(`the ring has no key for ${alg}`)
      return compactJws({ alg, typ, kid: key.kid }, claims, key.sign)
    },
  }
}

/** The signature over the signing input, as a JWS carries it. */
export type Sign = (input: Buffer) => Uint8Array | Promise<Uint8Array>

export async function compactJws(header: object, claims: object, sign: Sign): Promise<string> {
  const input = `${encoded(header)}.${encoded(claims)}`
  const signature = await sign(Buffer.from(input, 'latin1'))
  return `${input}.${Buffer.from(signature.buffer, signature.byteOffset, signature.length).toString('base64url')}`
}

interface SigningKey {
  readonly kid: string
  readonly sign: Sign
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

/** By a key that the signer holds. Throws `SignerUnavailable`. */
export function externalSignature({ keyRef, alg: algorithm }: ExternalJwk, signer: BoundSigner | undefined) {
  return async (data: Uint8Array): Promise<Uint8Array> => {
    if (signer === undefined) throw new SignerUnavailable({ detail: 'this node knows of no signer' })
    return signer.sign({ keyRef, algorithm, data })
  }
}

const inThreadPool = promisify<string | null, Buffer, KeyObject | SignKeyObjectInput, Buffer>(sign)

function signatureWith(jwk: PrivateJwk): Sign {
  const key = createPrivateKey({ key: { ...jwk }, format: 'jwk' })
  switch (jwk.alg) {
    case 'ES256':
      return (input) => fromDer(sign('sha256', input, key))
    case 'EdDSA':
      return (input) => sign(null, input, key)
    case 'RS256':
      return (input) => inThreadPool('sha256', input, key)
    case 'PS256': {
      // The salt is as long as the digest (RFC 7518 section 3.5).
      const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      return (input) => inThreadPool('sha256', input, pss)
    }
    case 'ML-DSA-65':
      return (input) => inThreadPool(null, input, key)
  }
}

const HALF = 32

/**
 * r and s, 32 bytes each (RFC 7518 section 3.4), out of DER: two numbers, each after its length. Asked for this form
 * itself, Node 24.21 takes half as long again.
 */
function fromDer(der: Buffer): Buffer {
  const rLength = der[3] as number
  const r = der.subarray(4, 4 + rLength).subarray(-HALF)
  const s = der.subarray(6 + rLength).subarray(-HALF)
  const both = Buffer.alloc(2 * HALF)
  both.set(r, HALF - r.length)
  both.set(s, 2 * HALF - s.length)
  return both
}
