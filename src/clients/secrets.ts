/**
 * The secrets of confidential clients: shown once, kept as a hash.
 *
 * A plain SHA-256 and no argon2, because there is nothing to guess: a secret has 256 random bits, so a slow hash would
 * protect nothing and cost each token request as much as a login. A secret that people made up is no such thing. In
 * production the configuration refuses any that cannot hold 256 bits (registry/secrets/secrets.ts); where it has only the hash, the
 * secret is judged when the client presents it.
 */

import { hash, timingSafeEqual } from 'node:crypto'

import { randomId } from '../base/ids.ts'
import type { ClientAuthMethod, ClientSettings } from '../registry/client/client.ts'
import { isStrongSecret } from '../registry/secrets/secrets.ts'

/** A new secret: 256 random bits, 43 characters of base64url. */
export function generateSecret(): string {
  return randomId()
}

/** The stored form of a secret: its SHA-256 in base64url. */
export function hashSecret(secret: string): string {
  return digest(secret).toString('base64url')
}

/** Whether `given` is the secret of this hash. Takes the same time wherever the two differ. */
export function secretMatches(secretHash: string, given: string): boolean {
  const expected = Buffer.from(secretHash, 'base64url')
  const actual = digest(given)
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}

/** Whether `given` is the present secret of the client or the one that it replaces. */
export function isSecretOf(client: ClientSettings, given: string, now: number): boolean {
  const { secretHash = '', oldSecretHash = '', oldSecretEndsAt = Number.POSITIVE_INFINITY } = client
  const isPresent = secretMatches(secretHash, given)
  const isOld = oldSecretHash !== '' && secretMatches(oldSecretHash, given)
  return isPresent || (isOld && now < oldSecretEndsAt)
}

/** Whether the client's secret may come this way. */
export function acceptsMethod({ authMethod, acceptedAuthMethods }: ClientSettings, method: ClientAuthMethod): boolean {
  if (acceptedAuthMethods !== undefined) return acceptedAuthMethods.includes(method)
  return authMethod.startsWith('client_secret_') && method.startsWith('client_secret_')
}

/** Whether the client's secret can be guessed. The configuration has only its hash. */
export function isTooWeak(client: ClientSettings | undefined, given: string): boolean {
  return client?.strongSecretOnly === true && !isStrongSecret(given)
}

function digest(secret: string): Buffer {
  return hash('sha256', secret, 'buffer')
}
