import { describe, expect, it } from 'vitest'

import { generateSecret, hashSecret, secretMatches } from '../../src/clients/secrets.ts'

describe('client secrets', () => {
  it('have 256 random bits', () => {
    const secrets = Array.from({ length: 100 }, generateSecret)

    expect(new Set(secrets).size).toBe(100)
    for (const secret of secrets) expect(Buffer.from(secret, 'base64url')).toHaveLength(32)
  })

  it('match their hash and no other', () => {
    const secret = generateSecret()
    const hash = hashSecret(secret)

    expect(hash).not.toContain(secret)
    expect(secretMatches(hash, secret)).toBe(true)
    for (const other of ['', ` ${secret}`, secret.slice(1), `${secret}x`, hash, generateSecret()]) {
      expect(secretMatches(hash, other)).toBe(false)
    }
  })

  it.each(['', 'x', 'not a hash', hashSecret('x').slice(1)])('match nothing when the hash is "%s"', (hash) => {
    expect(secretMatches(hash, '')).toBe(false)
    expect(secretMatches(hash, 'x')).toBe(false)
  })
})
