/** A DPoP key and the proofs of it (RFC 9449 section 4.2), and requests that carry them. */

import { createHash, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'

export interface ProofKey {
  readonly thumbprint: string
  /** A proof for this address; the method is POST unless it goes with an access token. */
  prove(address: string, claims?: JWTPayload): Promise<string>
  /** A proof for userinfo, or for an API, with this token. */
  proveFor(address: string, accessToken: string, claims?: JWTPayload): Promise<string>
}

export async function newProofKey(): Promise<ProofKey> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  const prove: ProofKey['prove'] = (htu, claims = {}) =>
    new SignJWT({ htm: 'POST', htu, jti: randomUUID(), iat: Math.floor(Date.now() / 1000), ...claims })
      .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
      .sign(privateKey)
  return {
    thumbprint: await calculateJwkThumbprint(jwk),
    prove,
    proveFor: (address, accessToken, claims = {}) =>
      prove(address, { htm: 'GET', ath: createHash('sha256').update(accessToken).digest('base64url'), ...claims }),
  }
}

/** Asks userinfo of one node, by this scheme. */
export async function askUserinfo(
  url: string,
  { scheme = 'DPoP', token, proof }: { scheme?: string; token: string; proof?: string },
): Promise<{ status: number; challenge: string; nonce: string | null }> {
  const { status, headers } = await fetch(`${url}/userinfo`, {
    headers: { authorization: `${scheme} ${token}`, ...(proof === undefined ? {} : { dpop: proof }) },
  })
  return { status, challenge: headers.get('www-authenticate') ?? '', nonce: headers.get('dpop-nonce') }
}
