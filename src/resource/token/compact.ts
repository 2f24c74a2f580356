/**
 * Taking a compact JWS apart, strictly.
 *
 * Two readers that understand one token differently are how checks are bypassed, so whatever leaves room for a second
 * reading is refused here, before anything in it is believed: JSON serialization, more or fewer than three parts,
 * base64url that is not canonical, text that is not UTF-8, an object that has the same member twice.
 */

import { isUtf8 } from 'node:buffer'

import { TokenInvalid } from '../refusals.ts'

export type JsonObject = Readonly<Record<string, unknown>>

export interface CompactParts {
  readonly header: JsonObject
  readonly payload: JsonObject
  /** As it travelled. */
  readonly signature: string
}

/** The parts of an access token, not verified yet. Throws `TokenInvalid`. */
export function parseCompact(token: string): CompactParts {
  return readToken(() => {
    const { header, payload, signature } = splitCompact(token)
    return { header: readObject(header), payload: readObject(payload), signature }
  })
}

/** What `read` finds in an access token, with `TokenInvalid` in place of `Malformed`. */
export function readToken<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof Malformed)) throw cause
    throw new TokenInvalid('The access token is malformed.', { detail: cause.message, cause })
  }
}

/** The three parts as they travelled, and what was signed. Nothing is decoded yet. */
export interface SplitParts {
  readonly header: string
  readonly payload: string
  readonly signature: string
  /** Header, dot, payload: the signature is over these bytes (RFC 7515 section 5.2). */
  readonly signed: string
}

/** Thrown for whatever is no compact JWS or leaves room for a second reading; its message is for the log. */
export class Malformed extends Error {}

/** Our tokens have about 1 KB; servers refuse headers above 16 KB. */
const MAX_CHARACTERS = 16_384

const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** The parts of a compact JWS, each of them canonical base64url. Throws `Malformed`. */
export function splitCompact(text: string): SplitParts {
  if (text.length > MAX_CHARACTERS || !COMPACT.test(text)) throw new Malformed('not a compact JWS with three parts')
  const first = text.indexOf('.')
  const last = text.lastIndexOf('.')
  const parts = {
    header: text.slice(0, first),
    payload: text.slice(first + 1, last),
    signature: text.slice(last + 1),
    signed: text.slice(0, last),
  }
  if (!isCanonical(parts.header) || !isCanonical(parts.payload) || !isCanonical(parts.signature)) {
    throw new Malformed('base64url is not canonical')
  }
  return parts
}

/** The JSON object in one part. Throws `Malformed`. */
export function readObject(part: string): JsonObject {
  const bytes = Buffer.from(part, 'base64url')
  if (!isUtf8(bytes)) throw new Malformed('header or payload is not UTF-8')
  // A byte order mark stays in the text, where JSON allows none.
  const text = bytes.toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new Malformed('header or payload is not JSON', { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Malformed('not a JSON object')
  // `JSON.parse` takes the last of two members with the same name, other parsers the first. RFC 7515 section 4 and RFC
  // 7519 section 4 allow a refusal. Each member has one colon in the text, so a repeated name is missing in the value.
  if (countMembers(value) !== countColons(text)) throw new Malformed('a member stands twice in one JSON object')
  return value as JsonObject
}

/** The value of each character of base64url. */
const SEXTETS = new Map(
  Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', (letter, at) => [
    letter.charCodeAt(0),
    at,
  ]),
)

/**
 * Whether these characters of base64url are the only way to write their bytes: the bits of the last character that no
 * byte uses could be set in several ways, and only one of them is what was signed and logged.
 */
function isCanonical(part: string): boolean {
  const over = part.length % 4
  if (over === 0) return true
  const unused = over === 2 ? 0b1111 : 0b11
  return over !== 1 && ((SEXTETS.get(part.charCodeAt(part.length - 1)) ?? unused) & unused) === 0
}

/** No token needs more. 12 kB of opening brackets would exhaust the stack of recursive code. */
const MAX_DEPTH = 32

/** How many members a value parsed from JSON has, at every depth. */
function countMembers(value: object, depth = 1): number {
  if (depth > MAX_DEPTH) throw new Malformed('JSON nested too deep')
  const inner: unknown[] = Object.values(value)
  let count = Array.isArray(value) ? 0 : inner.length
  for (const one of inner) if (typeof one === 'object' && one !== null) count += countMembers(one, depth + 1)
  return count
}

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a]

/** How many colons a valid JSON text has outside of its strings. */
function countColons(json: string): number {
  let count = 0
  for (let at = 0; at < json.length; at++) {
    const character = json.charCodeAt(at)
    if (character === COLON) count++
    if (character !== QUOTE) continue
    for (at++; json.charCodeAt(at) !== QUOTE; at++) if (json.charCodeAt(at) === BACKSLASH) at++
  }
  return count
}
