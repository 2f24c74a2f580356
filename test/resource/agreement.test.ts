/** Signatures are checked with node's own cryptography; whatever it accepts, jose with WebCrypto accepts too. */

import fc from 'fast-check'
import { compactVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createVerifier, type Verifier } from '../../src/resource/index.ts'
import { AUDIENCE, mint, NOW, type StrangeIssuer, startIssuer } from './issuer.ts'

let at: StrangeIssuer
let verifier: Verifier

beforeAll(async () => {
  at = await startIssuer()
  verifier = createVerifier({ issuer: at.issuer, audience: AUDIENCE, clock: () => NOW * 1000, rememberTokens: 0 })
})
afterAll(() => at.close())

/** What an attacker may try with the bytes of a good signature. */
const change = fc.oneof(
  fc.record({ at: fc.nat(600), xor: fc.integer({ min: 1, max: 255 }) }).map(({ at: place, xor }) => (bytes: Buffer) => {
    const index = place % bytes.length
    bytes[index] = (bytes[index] ?? 0) ^ xor
    return bytes
  }),
  fc.nat(600).map((length) => (bytes: Buffer) => bytes.subarray(0, length % bytes.length)),
  fc.uint8Array({ minLength: 1, maxLength: 64 }).map((more) => (bytes: Buffer) => Buffer.concat([bytes, more])),
  fc.uint8Array({ minLength: 1, maxLength: 8 }).map((more) => (bytes: Buffer) => Buffer.concat([more, bytes])),
  // r or s of zero, of one, and of the largest number there is.
  fc.constantFrom(0, 1, 255).map((value) => (bytes: Buffer) => bytes.fill(value, 0, bytes.length / 2)),
  fc.constantFrom(0, 1, 255).map((value) => (bytes: Buffer) => bytes.fill(value, bytes.length / 2)),
  fc.constant((bytes: Buffer) =>
    Buffer.concat([bytes.subarray(bytes.length / 2), bytes.subarray(0, bytes.length / 2)]),
  ),
)

describe('[S92] a signature that was changed', () => {
  it.each(['rsa', 'pss', 'ec', 'ed'] as const)('is refused by both, in every way there is: %s', async (name) => {
    const key = at[name]

    await fc.assert(
      fc.asyncProperty(change, async (apply) => {
        const [header = '', payload = '', signature = ''] = mint(at.issuer, key).split('.')
        const bytes = Buffer.from(apply(Buffer.from(signature, 'base64url')))
        const token = `${header}.${payload}.${bytes.toString('base64url')}`
        const [ours, joses] = await Promise.allSettled([verifier.verify(token), compactVerify(token, key.publicKey)])
        return ours.status === 'rejected' && joses.status === 'rejected'
      }),
      { numRuns: 100 },
    )
  })

  it('is what makes the difference: unchanged it is accepted by both', async () => {
    for (const key of [at.rsa, at.pss, at.ec, at.ed]) {
      const token = mint(at.issuer, key)

      await expect(verifier.verify(token)).resolves.toBeDefined()
      await expect(compactVerify(token, key.publicKey)).resolves.toBeDefined()
    }
  })
})
