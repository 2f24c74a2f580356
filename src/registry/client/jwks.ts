/** Public keys that a client registers: nothing private, nothing shared, nothing weak. */

import { privateMembersIn } from '../../base/jwk-members.ts'

const RSA_BITS = 2048
const CURVES = ['P-256', 'P-384', 'P-521', 'Ed25519']

/** The accepted form (completes "it wants …"), or `undefined` when the set is valid. */
export function jwksWants(jwks: { readonly keys: readonly Readonly<Record<string, unknown>>[] }): string | undefined {
  for (const key of jwks.keys) {
    if (privateMembersIn(key).length > 0) return 'public keys only: the private half belongs to the client'
    const wants = key.kty === 'RSA' ? rsaWants(key) : curveWants(key)
    if (wants !== undefined) return wants
  }
  return undefined
}

function rsaWants(key: Readonly<Record<string, unknown>>): string | undefined {
  const modulus = Buffer.from(typeof key.n === 'string' ? key.n : '', 'base64url')
  const bits = modulus.length === 0 ? 0 : modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24
  return bits >= RSA_BITS ? undefined : `RSA keys of at least ${RSA_BITS} bits`
}

function curveWants(key: Readonly<Record<string, unknown>>): string | undefined {
  if ((key.kty === 'EC' || key.kty === 'OKP') && CURVES.includes(String(key.crv))) return undefined
  return `RSA, EC or Ed25519 keys (${CURVES.join(', ')})`
}
