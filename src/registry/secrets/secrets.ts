/**
 * Keys and secrets as operators write them, and which of them are too weak to start with.
 *
 * Strength cannot be measured, only its absence seen: what is too short, repeats itself, counts up or is readable text
 * was not drawn at random.
 */

const ROOT_KEY_BYTES = 32
// 32 random bytes have about 30 different values; fewer than 16 happens less than once in 2^80 draws.
const LEAST_DISTINCT_BYTES = 16
// 256 bits in base64url and in hex.
const SECRET_CHARACTERS = 43
const SECRET_HEX_DIGITS = 64
const LEAST_DISTINCT_CHARACTERS = 10

/**
 * The bytes of a hex, base64 or base64url text; `undefined` for any other. An even number of hex digits is read as hex.
 */
export function decodeBytes(text: string): Uint8Array | undefined {
  if (/^([0-9a-f]{2})+$/i.test(text)) return Buffer.from(text, 'hex')
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(text) || /^[A-Za-z0-9_-]+={0,2}$/.test(text)) return Buffer.from(text, 'base64')
  return undefined
}

/** The root key, or what is wrong with the text, as the second half of a sentence. */
export function decodeRootKey(text: string): Uint8Array | string {
  const bytes = decodeBytes(text)
  if (bytes === undefined) return 'is neither base64 nor hex'
  if (bytes.length !== ROOT_KEY_BYTES) return `has ${bytes.length} bytes`
  return weaknessOf(bytes) ?? bytes
}

/** Why these bytes cannot have been drawn at random, as the second half of a sentence. */
export function weaknessOf(bytes: Uint8Array): string | undefined {
  if (new Set(bytes).size < Math.min(LEAST_DISTINCT_BYTES, bytes.length / 2)) return 'repeats itself'
  if (isSeries(bytes)) return 'counts up or down'
  if (bytes.every((byte) => byte < 0x80)) return 'is readable text, not random bytes'
  return undefined
}

/** Whether a secret's text can hold 256 random bits: 43 base64url characters or 64 hex digits, and varied. */
export function isStrongSecret(secret: string): boolean {
  const least = /^[0-9a-f]+$/i.test(secret) ? SECRET_HEX_DIGITS : SECRET_CHARACTERS
  return secret.length >= least && new Set(secret).size >= LEAST_DISTINCT_CHARACTERS
}

function isSeries(bytes: Uint8Array): boolean {
  const step = (at: number) => ((bytes[at] ?? 0) - (bytes[at - 1] ?? 0) + 256) % 256
  return bytes.length > 2 && bytes.every((_, at) => at < 2 || step(at) === step(1))
}
