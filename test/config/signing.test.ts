/** What signs, and who holds the keys, as grantor.yaml says it. */

import { describe, expect, it } from 'vitest'

import { isOffered } from '../../src/registry/api/offered-algorithms.ts'
import { load, problemsOf } from './sources.ts'

describe('the outside signer', () => {
  it('is none unless the file names one', () => {
    expect(load({ yaml: 'keys: { rotation: 30d }' }).signer).toBeUndefined()
  })

  it('is a socket in the folder of the file, with its own bounds', () => {
    expect(load({ yaml: 'keys: { signer: { socket: signer.sock } }' }).signer).toEqual({
      socket: '/srv/signer.sock',
      timeoutMs: 2000,
      atOnce: 1000,
      newKeys: true,
    })
    const yaml = 'keys: { signer: { socket: /run/s.sock, timeout: 5s, at_once: 7, new_keys: false } }'
    expect(load({ yaml }).signer).toEqual({ socket: '/run/s.sock', timeoutMs: 5000, atOnce: 7, newKeys: false })
  })

  it.each([
    ['{}', /keys\.signer\.socket is missing; it wants the path of a Unix socket/],
    ['{ socket: "" }', /keys\.signer\.socket is ""; it wants the path/],
    [`{ socket: ${'/long'.repeat(30)} }`, /keys\.signer\.socket .* of at most 103 bytes/],
    ['{ socket: s, timeout: 1m }', /keys\.signer\.timeout is "1m"; it wants a duration from 1s to 10s/],
    ['{ socket: s, at_once: 0 }', /keys\.signer\.at_once is 0; it wants a whole number from 1 to 10000/],
    ['{ socket: s, new_keys: no thanks }', /keys\.signer\.new_keys is "no thanks"; it wants true or false/],
    ['{ sockets: s }', /keys\.signer\.sockets is not a setting; it looks like socket/],
  ])('is refused as %s', (signer, sentence) => {
    expect(problemsOf({ yaml: `keys: { signer: ${signer} }` }).join('\n')).toMatch(sentence)
  })
})

describe('ML-DSA-65', () => {
  const yaml = 'apis: [{ audience: https://a.example, token: { algorithm: ML-DSA-65 } }]'

  it('is an algorithm that an API may name, where Node has it', () => {
    expect(load({ yaml }).apis[0]?.algorithm).toBe('ML-DSA-65')
  })

  it('is not offered where WebCrypto lacks it, or cannot be asked', () => {
    expect(isOffered('ML-DSA-65', (_operation, algorithm) => algorithm !== 'ML-DSA-65')).toBe(false)
    expect(isOffered('ES256', () => false)).toBe(true)
  })

  it('is refused with what to do where it is not offered', () => {
    const { SubtleCrypto: subtle } = globalThis
    const supports = Object.getOwnPropertyDescriptor(subtle, 'supports') ?? expect.fail()
    Object.defineProperty(subtle, 'supports', { ...supports, value: undefined })
    const problems = problemsOf({ yaml })
    Object.defineProperty(subtle, 'supports', supports)

    expect(problems).toEqual([
      'grantor.yaml: apis[0].token.algorithm is "ML-DSA-65"; it wants Node 24.7 or newer with OpenSSL 3.5 or newer, or another algorithm such as ES256.',
    ])
  })
})
