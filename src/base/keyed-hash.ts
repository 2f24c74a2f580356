/**
 * Hashes of guessable values: logins, addresses.
 *
 * A plain SHA-256 of such a value in a dump of the store is as good as the text, because an attacker can try all of
 * them. These hashes use a key that is derived from the ring (sealed under the root key), so they reveal nothing.
 */

import { createHmac, createSecretKey, hkdfSync } from 'node:crypto'

const KEY_BYTES = 32

/**
 * HMAC-SHA256 in base64url for one purpose (`logins`, `limits` …). The same text has another hash for another purpose.
 */
export function createKeyedHash(key: Uint8Array, purpose: string): (text: string) => string {
  const derived = createSecretKey(Buffer.from(hkdfSync('sha256', key, '', `grantor hash ${purpose}`, KEY_BYTES)))
  return (text) => createHmac('sha256', derived).update(text).digest('base64url')
}
