/**
 * Taking a compact JWS apart, strictly.
 *
 * Two readers that understand one token differently are how checks are bypassed, so whatever leaves room for a second
 * reading is refused here, before anything in it is believed: JSON serialization, more or fewer than three parts,
 * base64url that is not canonical, text that is not UTF-8, an object that has the same member twice.
 */

import { TokenInvalid } from './refusals.ts'

export interface CompactParts {
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
}

/** A token of ours is about 1 KB; servers refuse headers above 16 KB anyway. */
const MAX_CHARACTERS = 16_384

const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** Header and payload, not yet verified. Throws `TokenInvalid`. */
export function parseCompact(token: string): CompactParts {
  if (token.length > MAX_CHARACTERS || !COMPACT.test(token)) throw malformed('not a compact JWS with three parts')
  const [header = '', payload = '', signature = ''] = token.split('.')
  decode(signature)
  return { header: parseObject(decode(header)), payload: parseObject(decode(payload)) }
}

function decode(part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url')
  // Unused bits of the last character can be set in several ways; only one of them is what was signed and logged.
  if (bytes.toString('base64url') !== part) throw malformed('base64url is not canonical')
  return bytes
}

function parseObject(bytes: Buffer): Record<string, unknown> {
  let value: unknown
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    value = JSON.parse(text)
  } catch (cause) {
    throw malformed('header or payload is not JSON in UTF-8', cause)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('not a JSON object')
  if (hasDuplicateMember(text)) throw malformed('a member stands twice in one JSON object')
  return value as Record<string, unknown>
}

const JSON_TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:]/g

/**
 * Whether an object in this (valid) JSON text has two members of one name. `JSON.parse` keeps the last, other parsers
 * the first; RFC 7515 section 4 and RFC 7519 section 4 let us refuse.
 */
function hasDuplicateMember(json: string): boolean {
  const open: Set<string>[] = []
  let text = ''
  for (const [token] of json.matchAll(JSON_TOKEN)) {
    if (token === '{' || token === '[') open.push(new Set())
    else if (token === '}' || token === ']') open.pop()
    else if (token !== ':') text = token
    else {
      const name = JSON.parse(text) as string
      const names = open.at(-1)
      if (names?.has(name)) return true
      names?.add(name)
    }
  }
  return false
}

function malformed(detail: string, cause?: unknown): TokenInvalid {
  return new TokenInvalid('The access token is malformed.', { detail, cause })
}
