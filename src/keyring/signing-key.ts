/** One signing key: its life, and how it is made. */

import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'

import type { SigningAlgorithm } from '../config/config.ts'

/** HS256 has no key here: its secret is shared with the API and stands in the configuration. */
export type KeyAlgorithm = Exclude<SigningAlgorithm, 'HS256'>

/** A private key as a JWK (RFC 7517). */
export interface PrivateJwk extends JWK {
  readonly kid: string
  readonly alg: KeyAlgorithm
  readonly use: 'sig'
}

/** A key that an outside signer holds: the public part, and the signer's name for it. */
export interface ExternalJwk extends JWK {
  readonly kid: string
  readonly alg: KeyAlgorithm
  readonly use: 'sig'
  readonly keyRef: string
}

/** A key of the ring. */
export type KeyJwk = PrivateJwk | ExternalJwk

/** The public part. */
export type PublicJwk = Omit<JWK, 'd' | 'priv'> & Pick<KeyJwk, 'kid' | 'alg'>

export function isExternal(jwk: KeyJwk): jwk is ExternalJwk {
  return 'keyRef' in jwk
}

/** The times in the life of a key, in epoch seconds. */
export type SigningKey = NextKey | ActiveKey | RetiredKey

interface AnyKey {
  readonly jwk: KeyJwk
  readonly createdAt: number
}

/** Published, not yet signing: until `signsFrom` some verifier may hold a JWKS without it. */
export interface NextKey extends AnyKey {
  readonly state: 'next'
  readonly signsFrom: number
  /** The first version of the ring with this key. A verifier that fetched this version or a later one has the key. */
  readonly publishedIn: number
}

export interface ActiveKey extends AnyKey {
  readonly state: 'signing'
  /** When its successor is due. */
  readonly rotatesAt: number
}

/** Published until the last token that it signed has expired. */
export interface RetiredKey extends AnyKey {
  readonly state: 'retired'
  readonly goneAt: number
}

// The least that RFC 7518 section 3.3 allows, and 112 bits of strength (NIST SP 800-57); each bit more makes a
// signature slower.
const RSA_BITS = 2048

/** A new private key. WebCrypto makes it in the thread pool; an RSA key takes a tenth of a second or two. */
export async function generatePrivateJwk(alg: KeyAlgorithm): Promise<PrivateJwk> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: RSA_BITS })
  const jwk = await exportJWK(privateKey)
  // The thumbprint (RFC 7638) is derived from the key, so no two keys have the same name, whichever node made them.
  const kid = await calculateJwkThumbprint(jwk)
  return { ...jwk, kid, alg, use: 'sig' }
}
