/**
 * The signing keys and the other secrets that all nodes share.
 *
 * One record in the store, sealed under the root key. It is made once, by whichever node starts first, and changed only
 * by compare-and-swap; the others read what the winner wrote. Beside the ring lies a canary, sealed alike: a node that
 * cannot open it holds another root key and must not start, nor change anything.
 *
 * A key is `next` (published, not yet signing), then `signing`, then `retired` (published until the last token it signed
 * has expired), then gone. Keys are not rotated yet: all of them are `signing`.
 */

import type { Audit } from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { RootKeyWrong, SealBroken } from '../base/faults.ts'
import { randomId } from '../base/ids.ts'
import { createSealer, type Sealer } from '../base/sealing.ts'
import type { SigningAlgorithm } from '../config/config.ts'
import { keys } from '../store/keys.ts'
import type { Entry, Store } from '../store/store.ts'
import { generateSigningKey, type KeyAlgorithm, type PrivateJwk, type SigningKey } from './signing-key.ts'

export interface Keyring {
  /** One more with every change. */
  readonly version: number
  /** Names the root key under which the ring is sealed. Not a secret. */
  readonly rootKeyId: string
  /** What may be told of every key in the ring. */
  readonly keys: readonly KeyFacts[]
  /** Private keys, one of each algorithm; RS256 first, so that it is what signs when nobody asks for another. */
  readonly signingJwks: readonly PrivateJwk[]
  /** The first signs cookies, all of them verify. */
  readonly cookieKeys: readonly string[]
  /** What makes a pairwise subject unguessable (OpenID Connect Core section 8.1). */
  readonly pairwiseSalt: string
  /** 32 bytes from which the tokens of forms are derived. */
  readonly csrfKey: Uint8Array
}

/** A key without its private half. */
interface KeyFacts extends Omit<SigningKey, 'jwk'> {
  readonly keyId: string
  readonly algorithm: KeyAlgorithm
}

export interface KeyringOptions {
  readonly store: Store
  readonly rootKey: Uint8Array
  readonly clock: Clock
  /** What APIs sign with, beside RS256, ES256 and EdDSA, which every ring has. */
  readonly algorithms: readonly SigningAlgorithm[]
  readonly audit: Audit
}

/** What is sealed. Later members are optional, so that an older ring stays readable. */
interface Ring {
  readonly keys: readonly SigningKey[]
  readonly cookieKeys: readonly string[]
  readonly pairwiseSalt: string
  /** base64url. */
  readonly csrfKey: string
}

/** What is stored: both texts are sealed. */
interface StoredRing {
  readonly canary: string
  readonly ring: string
}

// RS256 because OpenID Connect requires it (Core section 15.1); the curves because an ID token may be asked for in
// them. In this order they are published.
const ALWAYS: readonly KeyAlgorithm[] = ['RS256', 'ES256', 'EdDSA']

const RING = keys.keyring()

/** The ring, made or completed where it needs to be. Throws `RootKeyWrong`, `SealBroken`, `StoreUnavailable`. */
export async function openKeyring({ store, rootKey, clock, algorithms, audit }: KeyringOptions): Promise<Keyring> {
  const sealer = createSealer(rootKey, 'keyring')
  const wanted = [...new Set([...ALWAYS, ...algorithms.filter((algorithm) => algorithm !== 'HS256')])]

  // Whoever loses a put reads what the winner wrote and looks again at what is missing; usually nothing.
  for (;;) {
    const entry = await store.get(RING)
    const ring = entry === undefined ? undefined : unsealed(entry, sealer)
    const missing = wanted.filter((algorithm) => !ring?.keys.some((key) => key.jwk.alg === algorithm))
    if (entry !== undefined && ring !== undefined && missing.length === 0) return opened(ring, entry.version, sealer)

    const added = await Promise.all(missing.map((algorithm) => generateSigningKey(algorithm, clock)))
    const next = { ...(ring ?? emptyRing()), keys: [...(ring?.keys ?? []), ...added] }
    const condition = entry === undefined ? { ifAbsent: true } : { ifVersion: entry.version }
    if ((await store.put(RING, sealed(next, sealer), condition)) === 'stored') {
      record(audit, added, entry === undefined)
    }
  }
}

/** Secrets are drawn anew for each ring: it is called once in the life of a store. */
function emptyRing(): Ring {
  return { keys: [], cookieKeys: [randomId()], pairwiseSalt: randomId(), csrfKey: randomId() }
}

function sealed(ring: Ring, sealer: Sealer): string {
  const stored: StoredRing = {
    canary: sealer.seal('canary', `${RING} canary`),
    ring: sealer.seal(JSON.stringify(ring), RING),
  }
  return JSON.stringify(stored)
}

/** A canary that does not open means another root key; a ring that does not open beside one that does was altered. */
function unsealed(entry: Entry, sealer: Sealer): Ring {
  const stored = JSON.parse(entry.value) as StoredRing
  try {
    sealer.open(stored.canary, `${RING} canary`)
  } catch (error) {
    if (!(error instanceof SealBroken)) throw error
    throw new RootKeyWrong({ cause: error, ...(error.detail === undefined ? {} : { detail: error.detail }) })
  }
  return JSON.parse(sealer.open(stored.ring, RING)) as Ring
}

function opened(ring: Ring, version: number, sealer: Sealer): Keyring {
  const signing = ring.keys.filter((key) => key.state === 'signing').map((key) => key.jwk)
  return {
    version,
    rootKeyId: sealer.keyId,
    keys: ring.keys.map(({ jwk, state, createdAt }) => ({ keyId: jwk.kid, algorithm: jwk.alg, state, createdAt })),
    signingJwks: signing.toSorted((a, b) => Number(b.alg === 'RS256') - Number(a.alg === 'RS256')),
    cookieKeys: ring.cookieKeys,
    pairwiseSalt: ring.pairwiseSalt,
    csrfKey: Buffer.from(ring.csrfKey, 'base64url'),
  }
}

function record(audit: Audit, added: readonly SigningKey[], created: boolean): void {
  if (created) audit.record('keyring.created', { outcome: 'success' })
  else for (const { jwk } of added) audit.record('keyring.key_added', { keyId: jwk.kid, reason: jwk.alg })
}
