/**
 * Hashes of secrets that people invent.
 *
 * A hash does not show how strong its secret is. So the hash of a common password, or of one of the client's names, is
 * refused at the start. Any other weak secret is refused when the client presents it (clients/secrets.ts).
 */

import { hash } from 'node:crypto'
import { createRequire } from 'node:module'

/** Whether the hash (base64url SHA-256) is that of a secret that an attacker would try first. */
export type IsWeakHash = (secretHash: string, clientId: string) => boolean

export function createWeakHashCheck(): IsWeakHash {
  // Some 50,000; made when the first hash is judged, which takes 0.2 s.
  let common: ReadonlySet<string> | undefined

  return function isWeakHash(secretHash, clientId) {
    if (namesOf(clientId).some((name) => sha256(name) === secretHash)) return true
    common ??= new Set(commonPasswords().map(sha256))
    return common.has(secretHash)
  }
}

const WORDS = ['secret', 'client_secret', 'client-secret', 'clientsecret', 'changeme', 'change-me', 'demo', 'test']

function namesOf(clientId: string): string[] {
  const ends = ['', 'secret', '-secret', '_secret', '-client-secret', '-secret-not-for-production', '123']
  return [...ends.map((end) => clientId + end), ...WORDS]
}

function commonPasswords(): readonly string[] {
  const require = createRequire(import.meta.url)
  const { dictionary }: { dictionary: { 'passwords-common': string[] } } = require('@zxcvbn-ts/language-common')
  return dictionary['passwords-common']
}

function sha256(text: string): string {
  return hash('sha256', text, 'base64url')
}
