/**
 * Encryption and hashing of stored values.
 *
 * A bearer value (code, token, session id) is stored under its hash, so a dump cannot be used to sign in. A value that
 * must be read again is sealed with AES-256-GCM under a key derived from the root key. Its place in the store is part
 * of the seal, so a sealed value that was moved does not open.
 */

import { createCipheriv, createDecipheriv, createSecretKey, hash, hkdfSync } from 'node:crypto'

import { SealBroken } from '../faults/keyring.ts'
import { randomNonce } from './ids.ts'

const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

export interface Sealer {
  /** Names the root key, so a value sealed under an older one is recognised. Not a secret. */
  readonly keyId: string
  /** `plain`, sealed for `place`: base64url text that opens only with the same key and place. */
  seal(plain: string, place: string): string
  /** Opens a text that was sealed for `place`. Throws `SealBroken`. */
  open(sealed: string, place: string): string
}

/** A sealer for one purpose (`store`, `keyring` …). A sealer of another purpose cannot open its values. */
export function createSealer(rootKey: Uint8Array, purpose: string): Sealer {
  if (rootKey.byteLength !== KEY_BYTES)
    throw new TypeError(`a root key has ${KEY_BYTES} bytes, this one ${rootKey.byteLength}`)
  const derived = Buffer.from(hkdfSync('sha256', rootKey, '', `grantor seal ${purpose}`, KEY_BYTES))
  // As a KeyObject: otherwise Node makes one from the bytes at every call, and opening 300 bytes takes 40 µs instead of
  // 10.
  const key = createSecretKey(derived)
  const keyId = rootKeyId(rootKey)

  return {
    keyId,

    seal(plain, place) {
      const nonce = randomNonce(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place))
      const body = cipher.update(plain, 'utf8')
      return `${keyId}.${Buffer.concat([nonce, body, cipher.final(), cipher.getAuthTag()]).toString('base64url')}`
    },

    open(sealed, place) {
      const dot = sealed.indexOf('.')
      if (sealed.slice(0, dot) !== keyId) {
        throw new SealBroken({ detail: `sealed under root key ${sealed.slice(0, dot)}, this node holds ${keyId}` })
      }
      const bytes = Buffer.from(sealed.slice(dot + 1), 'base64url')
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES))
          .setAAD(Buffer.from(place))
          .setAuthTag(bytes.subarray(-TAG_BYTES))
        return decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
      } catch (cause) {
        throw new SealBroken({ detail: `at ${place}`, cause })
      }
    },
  }
}

/** Eight characters that name a root key and reveal nothing about it. */
export function rootKeyId(rootKey: Uint8Array): string {
  return Buffer.from(hkdfSync('sha256', rootKey, '', 'grantor root key id', 6)).toString('base64url')
}

/** The name under which a bearer value is stored. The value has 256 random bits, so a plain SHA-256 is not guessable. */
export function hashHandle(handle: string): string {
  return hash('sha256', handle, 'base64url')
}
