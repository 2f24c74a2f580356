/** Signs Security Event Tokens with the ring, wherever its keys are held. */

import { createJwsSigner, type JwsSigner } from '../../keyring/jws-signer.ts'
import type { LiveKeyring } from '../../keyring/keyring.ts'
import type { BoundSigner } from '../../keyring/external-signer/external-signer.ts'

/** The token for these claims. Throws `SignerUnavailable`. */
export type SignEvent = (claims: Readonly<Record<string, unknown>>) => Promise<string>

// Every ring has such a key, and every receiver must know it (CAEP Interoperability Profile 1.0, "Event Signatures").
const ALGORITHM = 'RS256'

export function createEventSigner({
  keyring,
  signer,
}: {
  readonly keyring: Pick<LiveKeyring, 'current'>
  readonly signer: BoundSigner | undefined
}): SignEvent {
  let ring: { readonly version: number; readonly signer: JwsSigner } | undefined

  return async function signEvent(claims) {
    const { version, signingJwks } = keyring.current()
    if (ring?.version !== version) ring = { version, signer: createJwsSigner(signingJwks, signer) }
    // Explicit typing (RFC 8417 section 2.3), so that no other kind of JWT is taken for it.
    return ring.signer.sign(ALGORITHM, 'secevent+jwt', claims)
  }
}
