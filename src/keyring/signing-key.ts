/** One signing key: what it is, what is kept of it, and how it is made. */

import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'

import { type Clock, epochSeconds } from '../base/clock.ts'
import type { SigningAlgorithm } from '../config/config.ts'

/** HS256 has no key here: its secret is shared with the API and stands in the configuration. */
export type KeyAlgorithm = Exclude<SigningAlgorithm, 'HS256'>

/** A private key as a JWK (RFC 7517). */
export interface PrivateJwk extends JWK {
  readonly kid: string
  readonly alg: KeyAlgorithm
  readonly use: 'sig'
}

/** `next`: published, not yet signing. `retired`: published until the last token it signed has expired. */
type KeyState = 'next' | 'signing' | 'retired'

export interface SigningKey {
  readonly jwk: PrivateJwk
  readonly state: KeyState
  /** Epoch seconds. */
  readonly createdAt: number
}

// The least that RFC 7518 section 3.3 allows, and 112 bits of strength (NIST SP 800-57); each bit more makes a
// signature slower.
const RSA_BITS = 2048

/** A new key that signs from now on. WebCrypto makes it in the thread pool; an RSA key takes a tenth of a second or two. */
export async function generateSigningKey(alg: KeyAlgorithm, clock: Clock): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: RSA_BITS })
  const jwk = await exportJWK(privateKey)
  // The thumbprint (RFC 7638) names a key by what it is: no two keys share a name, whoever made them.
  const kid = await calculateJwkThumbprint(jwk)
  return { jwk: { ...jwk, kid, alg, use: 'sig' }, state: 'signing', createdAt: epochSeconds(clock) }
}
