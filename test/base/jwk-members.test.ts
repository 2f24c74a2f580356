import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'

import { privateMembersIn, publicHalf } from '../../src/base/jwk-members.ts'
import { PRIVATE_MEMBERS } from '../../src/resource/sender/dpop.ts'

const PAIRS = {
  RSA: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  'P-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  Ed25519: generateKeyPairSync('ed25519'),
  'ML-DSA-65': generateKeyPairSync('ml-dsa-65'),
}

describe.each(Object.entries(PAIRS))('the members of a key of %s', (_kind, { privateKey, publicKey }) => {
  it('are told apart as Node tells them apart', () => {
    const whole = privateKey.export({ format: 'jwk' })
    const half = publicKey.export({ format: 'jwk' })

    expect(publicHalf(whole)).toEqual(half)
    expect(privateMembersIn(whole).sort()).toEqual(
      Object.keys(whole)
        .filter((member) => !Object.hasOwn(half, member))
        .sort(),
    )
    expect(privateMembersIn(half)).toEqual([])
  })
})

it('a shared secret is a private member', () => {
  expect(privateMembersIn({ kty: 'oct', k: 'c2VjcmV0' })).toEqual(['k'])
  expect(publicHalf({ kty: 'oct', k: 'c2VjcmV0' })).toEqual({ kty: 'oct' })
})

it('the verifier for APIs, which imports nothing of ours, has the same list', () => {
  const everything = Object.fromEntries([...PRIVATE_MEMBERS, 'oth', 'kid'].map((member) => [member, 'x']))

  expect(privateMembersIn(everything).sort()).toEqual([...PRIVATE_MEMBERS].sort())
})
