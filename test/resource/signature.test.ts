/** A key is fit for one algorithm and no other. */

import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'

import { describe, expect, it } from 'vitest'

import { ASYMMETRIC, verificationWith } from '../../src/resource/token/signature.ts'

const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength })
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve })
const KEYS: Record<string, KeyObject> = {
  rsa: rsa(2048).publicKey,
  'P-256': ec('P-256').publicKey,
  'P-384': ec('P-384').publicKey,
  'P-521': ec('P-521').publicKey,
  secp256k1: ec('secp256k1').publicKey,
  ed25519: generateKeyPairSync('ed25519').publicKey,
  ed448: generateKeyPairSync('ed448').publicKey,
  x25519: generateKeyPairSync('x25519').publicKey,
  'ml-dsa-65': generateKeyPairSync('ml-dsa-65').publicKey,
  'ml-dsa-87': generateKeyPairSync('ml-dsa-87').publicKey,
}
const FIT: Record<string, string> = {
  ...{ RS256: 'rsa', RS384: 'rsa', RS512: 'rsa', PS256: 'rsa', PS384: 'rsa', PS512: 'rsa' },
  ...{ ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' },
  ...{ EdDSA: 'ed25519', Ed25519: 'ed25519', 'ML-DSA-65': 'ml-dsa-65' },
}

describe('verificationWith', () => {
  it.each(ASYMMETRIC)('takes for %s the kind of key that it asks, and no other (RFC 8725 section 3.1)', (alg) => {
    const fit = Object.entries(KEYS).filter(([, key]) => {
      try {
        return verificationWith(copyOf(key), alg) !== undefined
      } catch {
        return false
      }
    })

    expect(fit.map(([name]) => name)).toEqual([FIT[alg]])
  })

  it('takes no RSA key below 2048 bits (RFC 7518 section 3.3)', () => {
    for (const alg of ['RS256', 'PS256']) expect(() => verificationWith(rsa(2040).publicKey, alg)).toThrow('2040 bits')
  })

  it('takes no private key, and no algorithm that is none', () => {
    expect(() => verificationWith(rsa(2048).privateKey, 'RS256')).toThrow()
    for (const alg of ['none', 'HS256', '', 'toString', '__proto__']) {
      expect(() => verificationWith(copyOf(KEYS.rsa as KeyObject), alg), alg).toThrow()
    }
  })
})

/** A key is for one algorithm from then on. */
function copyOf(key: KeyObject): KeyObject {
  return createPublicKey(key.export({ type: 'spki', format: 'pem' }))
}
