/**
 * The secrets of confidential clients: shown once, kept as a hash.
 *
 * A plain SHA-256 and no argon2, because there is nothing to guess: a secret has 256 random bits, so a slow hash would
 * protect nothing and cost each token request as much as a login. A secret that people made up is no such thing; the
 * configuration refuses any that cannot hold 256 bits (config/secrets.ts), save those of the demo, which production
 * refuses.
 */

import { hash, timingSafeEqual } from 'node:crypto'

import { randomId } from '../base/ids.ts'

/** A new secret: 256 random bits, 43 characters of base64url. */
export function generateSecret(): string {
  return randomId()
}

/** What is kept of a secret: its SHA-256 in base64url. */
export function hashSecret(secret: string): string {
  return digest(secret).toString('base64url')
}

/** Whether `given` is the secret of this hash; takes the same time wherever the two differ. */
export function secretMatches(secretHash: string, given: string): boolean {
  const expected = Buffer.from(secretHash, 'base64url')
  const actual = digest(given)
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}

function digest(secret: string): Buffer {
  return hash('sha256', secret, 'buffer')
}
