/** No signature at all, and a public key used as a secret. */

import { hmacParts, part, type SigningKey } from '../../../resource/issuer.ts'
import { type Attack, mintFor, type Row } from './slot.ts'

const NONE = ['none', 'None', 'nOnE', 'NONE', '', undefined, null]

export function unsignedTokens({ slot }: Attack): Row[] {
  return slot.keys.flatMap((key) =>
    NONE.flatMap((alg) => {
      const input = `${part({ ...slot.header(key), alg })}.${part(slot.claims(key))}`
      const signature = mintFor(slot, key).split('.')[2]
      return [
        { name: `alg ${JSON.stringify(alg)} without a signature (${key.alg})`, key, token: `${input}.` },
        {
          name: `alg ${JSON.stringify(alg)} over a good one (${key.alg})`,
          key,
          token: mintFor(slot, key, {}, { alg }),
        },
        { name: `alg ${JSON.stringify(alg)} with another's (${key.alg})`, key, token: `${input}.${signature}` },
      ]
    }),
  )
}

const OTHERS = [7, true, {}, ['RS256'], { RS256: 1 }, 'HS256', 'RS512', 'ES512', 'PS384', 'ES256K', 'rs256', 'A256GCM']

export function wrongAlgorithms({ slot }: Attack): Row[] {
  const renamed = slot.keys.flatMap((key) =>
    [...OTHERS, ...['RS256', 'PS256', 'ES256', 'EdDSA'].filter((alg) => alg !== key.alg)].map((alg) => ({
      name: `alg ${JSON.stringify(alg)} over a good ${key.alg} signature`,
      key,
      token: mintFor(slot, key, {}, { alg }),
    })),
  )
  const named = slot.keys.flatMap((key) =>
    slot.keys
      .filter((other) => other !== key && !slot.bringsKey)
      .map((other) => ({
        name: `${key.alg} named, signed with the key of ${other.alg}`,
        key,
        token: mintFor(slot, other, {}, slot.header(key)),
      })),
  )
  return [...renamed, ...named]
}

/** What each of these libraries once took for a secret, for every public key that verifies here (RFC 8725 section 2.1). */
export function confusedSecrets({ slot }: Attack): Row[] {
  return slot.keys.flatMap((key) =>
    Object.entries(secretsOf(key)).flatMap(([secret, bytes]) =>
      Object.entries({ '': {}, ', without kid': { kid: undefined } }).map(([how, kid]) => ({
        name: `HS256 with the public ${key.alg} key (${secret}) as its secret${how}`,
        key,
        token: hmacParts({ ...slot.header(key), ...kid, alg: 'HS256' }, slot.claims(key), bytes),
      })),
    ),
  )
}

function secretsOf({ publicKey, kid, alg }: SigningKey): Record<string, string | Uint8Array> {
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string
  const der = publicKey.export({ type: 'spki', format: 'der' })
  const jwk = publicKey.export({ format: 'jwk' })
  const number = String(jwk.n ?? jwk.x)
  return {
    PEM: pem,
    'PEM without its last line end': pem.trimEnd(),
    'PEM with CRLF': pem.replaceAll('\n', '\r\n'),
    DER: der,
    'DER in base64': der.toString('base64'),
    JWK: JSON.stringify(jwk),
    'published JWK': JSON.stringify({ ...jwk, kid, alg, use: 'sig' }),
    number,
    'bytes of the number': Buffer.from(number, 'base64url'),
    'empty text': '',
    kid,
    ...(jwk.kty === 'RSA' ? { 'PKCS#1 PEM': publicKey.export({ type: 'pkcs1', format: 'pem' }) } : {}),
  }
}
