/**
 * Signing with keys that are held elsewhere: a key service (KMS), a security module (HSM), or a process on this
 * machine.
 *
 * The ring then has only the public part of a key and the signer's name for it. No private key is ever in this process
 * or in the store. A signer that does not answer, answers late or is overloaded means 503: nothing is issued unsigned
 * or signed with another key.
 */

import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { calculateJwkThumbprint, type JWK } from 'jose'

import type { Log } from '../../audit/log.ts'
import { Fault } from '../../faults/fault.ts'
import { SignerUnavailable } from '../../faults/keyring.ts'
import { randomId } from '../../base/ids.ts'
import { privateMembersIn } from '../../base/jwk-members.ts'
import type { KeyAlgorithm, ExternalJwk } from '../signing-key.ts'

/**
 * What an adapter for a key service has to implement. It may throw anything; `boundSigner` turns it into a Fault.
 *
 * ```ts
 * const { keyRef, publicJwk } = await signer.createKey('ES256', AbortSignal.timeout(2000))
 * await signer.sign({ keyRef, algorithm: 'ES256', data }, AbortSignal.timeout(2000)) // 64 bytes, r and s
 * ```
 */
export interface ExternalSigner {
  /** Makes a key that never leaves the signer. `keyRef` is the signer's own name for it, and no secret. */
  createKey(algorithm: KeyAlgorithm, signal: AbortSignal): Promise<CreatedKey>
  /** The signature as a JWS has it: for ES256 the 64 bytes of r and s, not DER (RFC 7518 section 3.4). */
  sign(request: SignRequest, signal: AbortSignal): Promise<Uint8Array>
  /** Destroys a key that is no longer used. Does nothing when the key does not exist. */
  destroyKey(keyRef: string, signal: AbortSignal): Promise<void>
  /** Resolves when the signer can be reached. Asked before each redemption, so an open connection is answer enough. */
  check(signal: AbortSignal): Promise<void>
  close(): void
}

export interface CreatedKey {
  readonly keyRef: string
  readonly publicJwk: JWK
}

export interface SignRequest {
  readonly keyRef: string
  readonly algorithm: KeyAlgorithm
  /** The signing input; the signer hashes it. */
  readonly data: Uint8Array
}

/** A signer whose every call ends in time, with a result or with `SignerUnavailable`. */
export interface BoundSigner {
  /** A new key that was seen to sign what its public part verifies. */
  readonly makeKey: (algorithm: KeyAlgorithm) => Promise<ExternalJwk>
  sign(request: SignRequest): Promise<Uint8Array>
  /** Never throws: a key that stays is logged. */
  forgetKey(keyRef: string): Promise<void>
  check(): Promise<void>
  close(): void
}

export interface SignerBounds {
  readonly timeoutMs: number
  /** Signatures under way; the next one is refused at once, so that a slow signer cannot fill this process. */
  readonly atOnce: number
  readonly log: Log
}

// Making an RSA key may take a module seconds, and no request waits for it.
const MAKING_TAKES_TIMES = 10

export function boundSigner(signer: ExternalSigner, { timeoutMs, atOnce, log }: SignerBounds): BoundSigner {
  let underWay = 0
  let away = false

  return {
    async makeKey(algorithm) {
      const create = (signal: AbortSignal) => signer.createKey(algorithm, signal)
      const { keyRef, publicJwk } = await within(MAKING_TAKES_TIMES * timeoutMs, create)
      try {
        const jwk = await toExternalJwk(publicJwk, keyRef, algorithm)
        await tryKey(jwk)
        return jwk
      } catch (error) {
        await forgetKey(keyRef)
        throw error
      }
    },

    async sign(request) {
      if (underWay >= atOnce) throw new SignerUnavailable({ detail: `${atOnce} signatures are under way` })
      underWay += 1
      try {
        return await noticing((signal) => signer.sign(request, signal))
      } finally {
        underWay -= 1
      }
    },

    forgetKey,
    check: () => noticing((signal) => signer.check(signal)),
    close: () => signer.close(),
  }

  async function forgetKey(keyRef: string): Promise<void> {
    try {
      await within(timeoutMs, (signal) => signer.destroyKey(keyRef, signal))
    } catch (error) {
      log.event('signer_kept_key', { keyRef, err: error })
    }
  }

  /** Says once that the signer went away, and once that it is back. */
  async function noticing<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      const result = await within(timeoutMs, work)
      if (away) log.event('signer_available')
      away = false
      return result
    } catch (error) {
      if (!away) log.event('signer_unavailable', { detail: (error as Fault).detail })
      away = true
      throw error
    }
  }

  /**
   * Checks a new key: a signature in another form or by another key would make every token invalid. At this time no
   * verifier has the key yet.
   */
  async function tryKey(jwk: ExternalJwk): Promise<void> {
    const data = Buffer.from(`grantor tries a new key ${randomId()}`)
    const request = { keyRef: jwk.keyRef, algorithm: jwk.alg, data }
    const signature = await within(timeoutMs, (signal) => signer.sign(request, signal))
    if (!verifies(publicKeyOf(jwk), jwk.alg, data, signature))
      throw new SignerUnavailable({ detail: `its ${jwk.alg} signatures do not verify with the key it published` })
  }
}

export function publicKeyOf(jwk: ExternalJwk): KeyObject {
  return createPublicKey({ key: { ...jwk }, format: 'jwk' })
}

/** Bounds the wait even for a signer that ignores the signal. */
async function within<T>(timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    reject(new SignerUnavailable({ detail: `it did not answer within ${timeoutMs} ms` }))
    stop.abort()
  }, timeoutMs)
  try {
    return await Promise.race([work(stop.signal), late])
  } catch (error) {
    if (error instanceof Fault) throw error
    throw new SignerUnavailable({ detail: error instanceof Error ? error.message : String(error), cause: error })
  } finally {
    clearTimeout(timer)
  }
}

const PUBLIC_MEMBERS = ['kty', 'crv', 'x', 'y', 'n', 'e', 'pub'] as const

async function toExternalJwk(given: JWK, keyRef: string, alg: KeyAlgorithm): Promise<ExternalJwk> {
  const leaked = privateMembersIn(given)
  if (leaked.length > 0) throw new SignerUnavailable({ detail: `it gave away a private key (${leaked.join(', ')})` })
  const members = PUBLIC_MEMBERS.filter((member) => given[member] !== undefined)
  const plain = { ...Object.fromEntries(members.map((member) => [member, given[member]])), alg } as JWK
  return { ...plain, kid: await calculateJwkThumbprint(plain), alg, use: 'sig', keyRef }
}

function verifies(key: KeyObject, algorithm: KeyAlgorithm, data: Uint8Array, signature: Uint8Array): boolean {
  switch (algorithm) {
    case 'ES256':
      return verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature)
    case 'PS256':
      // RFC 7518 section 3.5: the salt is as long as the hash.
      return verify('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature)
    case 'RS256':
      return verify('sha256', data, key, signature)
    default:
      return verify(null, data, key, signature)
  }
}
