/** A client's key for sender-constrained tokens (RFC 9449), and the proofs that it signs. */

import { createHash } from 'node:crypto'

import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'

import { type Clock, epochSeconds } from '../base/clock.ts'
import { randomId } from '../base/ids.ts'

/**
 * ```ts
 * const key = await issuer.dpopKey()
 * const token = await issuer.mint({ dpop: key })
 * const headers = { authorization: `DPoP ${token}`, dpop: await key.proof({ method: 'GET', url, token }) }
 * ```
 */
export interface DpopKey {
  /** The name of the key in a bound token: the SHA-256 thumbprint (RFC 7638) of the public key, its `cnf.jkt`. */
  readonly thumbprint: string
  /** A proof for one request (RFC 9449 section 4.2). */
  proof(request: DpopRequest): Promise<string>
}

export interface DpopRequest {
  readonly method: string
  /** As the client calls it; query and fragment are left out of the proof. */
  readonly url: string
  /** The access token that goes with it; without one the proof has no `ath`. */
  readonly token?: string
  /** The nonce from the API's `DPoP-Nonce`. */
  readonly nonce?: string
  /** To make a bad proof: claims to add or to replace. */
  readonly claims?: Readonly<Record<string, unknown>>
}

const ALGORITHM = 'ES256'

export async function createDpopKey(clock: Clock): Promise<DpopKey> {
  const { privateKey, publicKey } = await generateKeyPair(ALGORITHM)
  const jwk = await exportJWK(publicKey)
  return {
    thumbprint: await calculateJwkThumbprint(jwk),

    async proof({ method, url, token, nonce, claims }) {
      const { origin, pathname } = new URL(url)
      const payload = {
        jti: randomId(),
        htm: method,
        htu: origin + pathname,
        iat: epochSeconds(clock),
        ...(token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') }),
        ...(nonce === undefined ? {} : { nonce }),
        ...claims,
      }
      return new SignJWT(payload).setProtectedHeader({ typ: 'dpop+jwt', alg: ALGORITHM, jwk }).sign(privateKey)
    },
  }
}
