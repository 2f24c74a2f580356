/** Signing Security Event Tokens with the ring, wherever its keys are held. */

import { CompactSign, importJWK } from 'jose'

import { SignerUnavailable } from '../base/faults.ts'
import type { LiveKeyring } from '../keyring/keyring.ts'
import type { BoundSigner } from '../keyring/outside-signer.ts'
import { isOutside, type PrivateJwk } from '../keyring/signing-key.ts'

/** The token for these claims. Throws `SignerUnavailable`. */
export type SignSet = (claims: Readonly<Record<string, unknown>>) => Promise<string>

// Every ring has such a key, and every receiver must know it (CAEP Interoperability Profile 1.0, "Event Signatures").
const ALGORITHM = 'RS256'

export function createSetSigner({
  keyring,
  signer,
}: {
  readonly keyring: Pick<LiveKeyring, 'current'>
  readonly signer: BoundSigner | undefined
}): SignSet {
  let imported: { readonly kid: string; readonly key: ReturnType<typeof importJWK> } | undefined

  return async function signSet(claims) {
    // The one that signs comes first.
    const jwk = keyring.current().jwks.find(({ alg }) => alg === ALGORITHM)
    if (jwk === undefined) throw new TypeError('the ring has no key for RS256')
    // Explicit typing (RFC 8417 section 2.3), so that no other kind of JWT is taken for it.
    const header = { typ: 'secevent+jwt', alg: ALGORITHM, kid: jwk.kid }
    const payload = Buffer.from(JSON.stringify(claims))
    if (!isOutside(jwk)) return new CompactSign(payload).setProtectedHeader(header).sign(await keyOf(jwk))
    if (signer === undefined) throw new SignerUnavailable({ detail: 'this node knows of no signer' })
    const input = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload.toString('base64url')}`
    const signature = await signer.sign({ keyRef: jwk.keyRef, algorithm: ALGORITHM, data: Buffer.from(input) })
    return `${input}.${Buffer.from(signature).toString('base64url')}`
  }

  function keyOf(jwk: PrivateJwk): ReturnType<typeof importJWK> {
    if (imported?.kid !== jwk.kid) imported = { kid: jwk.kid, key: importJWK({ ...jwk }, ALGORITHM) }
    return imported.key
  }
}
