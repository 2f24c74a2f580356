/**
 * Encrypted tokens, where none is expected: what they unpack to, and what it costs to try.
 *
 * The server never decrypts, so each has to be refused as cheaply as any text that is no token.
 */

import { createCipheriv, createHash, generateKeyPairSync, publicEncrypt, randomBytes } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'

import { part, type SigningKey } from '../../../resource/issuer.ts'
import { type Attack, firstKey, mintFor, type Row } from './slot.ts'

/** A generous bound for one refusal on a busy machine; an iteration count of 2^31 takes minutes. */
export const BOMB_MS = 2000

const UNPACKED_BYTES = 5 * 1024 * 1024

export function encryptedTokens({ slot }: Attack): Row[] {
  const key = firstKey(slot)
  const good = mintFor(slot, key)
  const rsa = slot.keys.find(({ alg }) => alg === 'RS256' || alg === 'PS256')
  const bomb = deflateRawSync(Buffer.alloc(UNPACKED_BYTES, '{"a":'))
  const rows: Record<string, string> = {
    'compressed 1000 times, for an unknown key': encrypt({ alg: 'dir', zip: 'DEF' }, bomb),
    ...(rsa && {
      'compressed 1000 times, for our signing key': toRsa(rsa, { zip: 'DEF', kid: rsa.kid }, bomb),
      'a good token, encrypted for our signing key': toRsa(rsa, { cty: 'JWT', kid: rsa.kid }, Buffer.from(good)),
    }),
    ...passwordBased(good),
    ...strangeCurves(good),
  }
  return Object.entries(rows).map(([name, token]) => ({ name, key, token }))
}

/** RFC 7518 section 4.8: the token says how often the password is hashed. */
function passwordBased(good: string): Record<string, string> {
  const counts = [2 ** 31, 2 ** 31 - 1, 1e9, -1, 0, 1e308, '2147483648', null]
  return Object.fromEntries(
    ['PBES2-HS256+A128KW', 'PBES2-HS512+A256KW'].flatMap((alg) =>
      counts.map((p2c) => {
        const header = { alg, p2c, p2s: randomBytes(16).toString('base64url') }
        return [`${alg} with p2c ${JSON.stringify(p2c)}`, encrypt(header, Buffer.from(good), randomBytes(40))]
      }),
    ),
  )
}

/** An `epk` that is no point of its curve, or one of small order, tells the attacker bits of our key. */
function strangeCurves(good: string): Record<string, string> {
  const real = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
  const zeros = Buffer.alloc(32).toString('base64url')
  const points: Record<string, unknown> = {
    'off its curve': { ...real, y: real.x },
    'at infinity': { ...real, x: zeros, y: zeros },
    'of another curve': { ...real, crv: 'P-521' },
    'of an unknown curve': { ...real, crv: 'P-0' },
    'without y': { ...real, y: undefined },
    'of small order': { kty: 'OKP', crv: 'X25519', x: zeros },
    'that is private': generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
    'that is a text': 'point',
    'that is not there': undefined,
  }
  return Object.fromEntries(
    Object.entries(points).flatMap(([name, epk]) =>
      ['ECDH-ES', 'ECDH-ES+A256KW'].map((alg) => [
        `${alg} with an epk ${name}`,
        encrypt({ alg, epk }, Buffer.from(good), alg === 'ECDH-ES' ? Buffer.alloc(0) : randomBytes(40)),
      ]),
    ),
  )
}

function toRsa(key: SigningKey, header: Record<string, unknown>, plain: Uint8Array): string {
  const secret = randomBytes(32)
  const wrapped = publicEncrypt({ key: key.publicKey, oaepHash: 'sha256' }, secret)
  return encrypt({ alg: 'RSA-OAEP-256', ...header }, plain, wrapped, secret)
}

/** A compact JWE (RFC 7516 section 3.1) with A256GCM. */
function encrypt(
  header: Record<string, unknown>,
  plain: Uint8Array,
  wrapped: Uint8Array = Buffer.alloc(0),
  secret: Uint8Array = createHash('sha256').update('anything').digest(),
): string {
  const protectedHeader = part({ enc: 'A256GCM', ...header })
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', secret, iv).setAAD(Buffer.from(protectedHeader))
  const text = Buffer.concat([cipher.update(plain), cipher.final()])
  const parts = [wrapped, iv, text, cipher.getAuthTag()].map((bytes) => Buffer.from(bytes).toString('base64url'))
  return [protectedHeader, ...parts].join('.')
}
