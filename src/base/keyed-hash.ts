/**
 * Hashes of what can be guessed: logins, addresses.
 *
 * Their plain SHA-256 in a dump of the store is as good as the text, since a guesser tries all of them. Under a key that
 * is derived from the ring (sealed by the root key) it tells nothing.
 */

import { createHmac, createSecretKey, hkdfSync } from 'node:crypto'

const KEY_BYTES = 32

/** HMAC-SHA256 in base64url, for one purpose (`logins`, `limits` …): for another one the same text has another hash. */
export function createKeyedHash(key: Uint8Array, purpose: string): (text: string) => string {
  const derived = createSecretKey(Buffer.from(hkdfSync('sha256', key, '', `grantor hash ${purpose}`, KEY_BYTES)))
  return (text) => createHmac('sha256', derived).update(text).digest('base64url')
}
