/** One version of the ring as other code uses it, with the public part of each key separate from the rest. */

import { publicHalf } from '../base/jwk-members.ts'
import type { Ring } from './ring/ring.ts'
import { isExternal, type KeyAlgorithm, type KeyJwk, type PublicJwk, type SigningKey } from './signing-key.ts'
import { longest } from './ring/terms.ts'

/** The ring as one version of it is used; it does not change. */
export interface Keyring {
  /** One more with every change. */
  readonly version: number
  /** Names the root key under which the ring is sealed. Not a secret. */
  readonly rootKeyId: string
  /**
   * Every published key, private unless an external signer holds it. Signing keys come first, RS256 before the others,
   * so that it signs when no other algorithm is asked for.
   */
  readonly signingJwks: readonly KeyJwk[]
  /** The same keys in the same order, without what is private: to verify with, and to publish. */
  readonly publicJwks: readonly PublicJwk[]
  /** Every key without its secret. */
  readonly keys: readonly KeySummary[]
  /** The longest lifetime that any node has given to a token which is not expired yet. */
  readonly longestTokenSeconds: number
  /** The first signs cookies, all of them verify. */
  readonly cookieKeys: readonly string[]
  /** What makes a pairwise subject unguessable (OpenID Connect Core section 8.1). */
  readonly pairwiseSalt: string
  /** 32 bytes from which the tokens of forms are derived. */
  readonly csrfKey: Uint8Array
  /** 32 bytes under which what is stored is sealed. */
  readonly storeKey: Uint8Array
}

export interface KeySummary {
  readonly keyId: string
  readonly algorithm: KeyAlgorithm
  readonly state: SigningKey['state']
  /** Epoch seconds, all of them. */
  readonly createdAt: number
  /** The time of the next change: the key signs, its successor signs, or it is removed. */
  readonly changesAt: number
  /** Whether an outside signer holds it. */
  readonly heldExternally: boolean
  /** Of a `next` key, the first version of the ring that had it. */
  readonly publishedIn?: number
}

const STATES = ['signing', 'next', 'retired']

export interface RingVersion {
  readonly ring: Ring
  readonly version: number
  readonly rootKeyId: string
}

export function viewOf({ ring, version, rootKeyId }: RingVersion): Keyring {
  const ordered = ring.keys.toSorted(
    (a, b) =>
      STATES.indexOf(a.state) - STATES.indexOf(b.state) ||
      Number(b.jwk.alg === 'RS256') - Number(a.jwk.alg === 'RS256'),
  )
  return {
    version,
    rootKeyId,
    signingJwks: ordered.map(({ jwk }) => jwk),
    publicJwks: ordered.map(({ jwk }) => publicHalf(jwk) as PublicJwk),
    keys: ordered.map(summary),
    longestTokenSeconds: longest(ring.tokenLives),
    cookieKeys: ring.cookieKeys.map(({ secret }) => secret),
    pairwiseSalt: ring.pairwiseSalt,
    csrfKey: Buffer.from(ring.csrfKey, 'base64url'),
    storeKey: Buffer.from(ring.storeKey, 'base64url'),
  }
}

function summary(key: SigningKey): KeySummary {
  const { jwk, state, createdAt } = key
  const published = key.state === 'next' ? { publishedIn: key.publishedIn } : {}
  const about = { keyId: jwk.kid, algorithm: jwk.alg, state, createdAt, heldExternally: isExternal(jwk) }
  return { ...about, changesAt: changesAt(key), ...published }
}

function changesAt(key: SigningKey): number {
  if (key.state === 'next') return key.signsFrom
  return key.state === 'signing' ? key.rotatesAt : key.goneAt
}
