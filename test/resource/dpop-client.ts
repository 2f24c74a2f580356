/** A client that holds a DPoP key: made of jose and node, so that it shares no mistake with the verifier. */

import { createHash, randomUUID } from 'node:crypto'

import { calculateJwkThumbprint, exportJWK, type JWK } from 'jose'

import { ecKey, NOW, type SigningKey, signParts } from './issuer.ts'

export interface DpopClient {
  readonly key: SigningKey
  readonly jwk: JWK
  /** What a token that is bound to this key has in `cnf`. */
  readonly cnf: { readonly jkt: string }
  /** A good proof for a token and an address, with changes; `undefined` removes a member. */
  prove(token: string, url: string, changes?: Changes): string
}

export interface Changes {
  readonly header?: Record<string, unknown>
  readonly claims?: Record<string, unknown>
  readonly signedBy?: SigningKey
}

export async function createDpopClient(key: SigningKey = ecKey()): Promise<DpopClient> {
  const jwk = await exportJWK(key.publicKey)
  return {
    key,
    jwk,
    cnf: { jkt: await calculateJwkThumbprint(jwk) },
    prove(token, url, { header = {}, claims = {}, signedBy = key } = {}) {
      const ath = createHash('sha256').update(token).digest('base64url')
      const payload = { jti: randomUUID(), htm: 'GET', htu: url, iat: NOW, ath, ...claims }
      return signParts({ typ: 'dpop+jwt', alg: key.alg, jwk, ...header }, payload, signedBy)
    },
  }
}
