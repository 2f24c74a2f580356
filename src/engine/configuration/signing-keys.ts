/** Keys that an outside signer holds, as the engine wants them. */

import type { KeyObject } from 'node:crypto'
import { ExternalSigningKey } from 'oidc-provider'

import { signatureOutside } from '../../keyring/jws-signer.ts'
import { type BoundSigner, publicKeyOf } from '../../keyring/external-signer/external-signer.ts'
import { type KeyJwk, type OutsideJwk, isOutside } from '../../keyring/signing-key.ts'
import { answering } from '../request/errors.ts'

/** The keys of a ring for the engine's configuration; those held outside sign through the signer. */
export function engineKeys(jwks: readonly KeyJwk[], signer: BoundSigner | undefined) {
  return jwks.map((jwk) => (isOutside(jwk) ? new OutsideKey(jwk, signer) : { ...jwk }))
}

/** Without it the engine refuses such keys; with it, it says at every start that they are an experiment of its own. */
export function externalSigning(jwks: readonly KeyJwk[]) {
  return jwks.some(isOutside) ? { externalSigningSupport: { enabled: true, ack: 'experimental-01' } } : {}
}

/** Asked before a code or a refresh token is spent, since what it is spent for could not be signed. */
export function signerCheck(jwks: readonly KeyJwk[], signer: BoundSigner | undefined): () => Promise<void> {
  return async () => {
    if (jwks.some(isOutside)) await signer?.check()
  }
}

class OutsideKey extends ExternalSigningKey {
  readonly #sign: (data: Uint8Array) => Promise<Uint8Array>
  readonly #publicKey: KeyObject

  constructor(jwk: OutsideJwk, signer: BoundSigner | undefined) {
    super()
    this.#sign = signatureOutside(jwk, signer)
    this.#publicKey = publicKeyOf(jwk)
    // Setters that the engine's types do not tell of.
    Object.assign(this, { kid: jwk.kid, alg: jwk.alg })
  }

  /** The engine verifies ID token hints with it, and publishes it. */
  override keyObject(): KeyObject {
    return this.#publicKey
  }

  override async sign(data: Uint8Array): Promise<Uint8Array> {
    return answering(() => this.#sign(data))
  }
}
