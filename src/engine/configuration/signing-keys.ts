/** Keys that an outside signer holds, as the engine wants them. */

import type { KeyObject } from 'node:crypto'
import { ExternalSigningKey } from 'oidc-provider'

import { externalSignature } from '../../keyring/jws-signer.ts'
import { type BoundSigner, publicKeyOf } from '../../keyring/external-signer/external-signer.ts'
import { type KeyJwk, type ExternalJwk, isExternal } from '../../keyring/signing-key.ts'
import { answering } from '../request/errors.ts'

/** The keys of a ring for the engine's configuration; those held outside sign through the signer. */
export function engineKeys(jwks: readonly KeyJwk[], signer: BoundSigner | undefined) {
  return jwks.map((jwk) => (isExternal(jwk) ? new ExternalKey(jwk, signer) : { ...jwk }))
}

/** Without it the engine refuses such keys; with it, it says at every start that they are an experiment of its own. */
export function externalSigning(jwks: readonly KeyJwk[]) {
  return jwks.some(isExternal) ? { externalSigningSupport: { enabled: true, ack: 'experimental-01' } } : {}
}

/** Asked before a code or a refresh token is spent, since what it is spent for could not be signed. */
export function signerCheck(jwks: readonly KeyJwk[], signer: BoundSigner | undefined): () => Promise<void> {
  return async () => {
    if (jwks.some(isExternal)) await signer?.check()
  }
}

class ExternalKey extends ExternalSigningKey {
  readonly #sign: (data: Uint8Array) => Promise<Uint8Array>
  readonly #publicKey: KeyObject

  constructor(jwk: ExternalJwk, signer: BoundSigner | undefined) {
    super()
    this.#sign = externalSignature(jwk, signer)
    this.#publicKey = publicKeyOf(jwk)
    // Setters that the engine's types do not declare.
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
