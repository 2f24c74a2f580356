/** Texts that two readers may read in two ways: each is refused before anything in it is believed. */

import { part, type SigningKey, signatureOf, signParts } from '../../../resource/issuer.ts'
import { type Attack, firstKey, inputFor, mintFor, type Row, type Slot } from './slot.ts'

export function ambiguousShapes({ slot }: Attack): Row[] {
  const key = firstKey(slot)
  const rows = { ...segments(slot, key), ...spellings(slot, key), ...serializations(slot, key), ...contents(slot, key) }
  const twice = duplicates(slot, key)
  return Object.entries({ ...rows, ...twice }).map(([name, token]) => ({ name, key, token }))
}

function segments(slot: Slot, key: SigningKey): Record<string, string> {
  const token = mintFor(slot, key)
  const [header = '', body = '', signature = ''] = token.split('.')
  return {
    'one word': 'abc',
    'two dots': '../../../attacks',
    'two segments': `${header}.${body}`,
    'an empty fourth segment': `${token}.`,
    'an empty first segment': `.${token}`,
    'a fourth segment': `${token}.${signature}`,
    'five segments, as a JWE has': `${token}.${body}.${signature}`,
    'empty header': `.${body}.${signature}`,
    'empty payload': `${header}..${signature}`,
    'empty signature': `${header}.${body}.`,
    'two tokens': `${token},${mintFor(slot, key)}`,
    'two tokens and a space': `${token}, ${mintFor(slot, key)}`,
  }
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

function spellings(slot: Slot, key: SigningKey): Record<string, string> {
  const token = mintFor(slot, key)
  const [header = '', body = '', signature = ''] = token.split('.')
  const at = Math.floor(body.length / 2)
  const split = (by: string) => `${header}.${body.slice(0, at)}${by}${body.slice(at)}.${signature}`
  return {
    'a space within': split(' '),
    'a tab within': split('\t'),
    'a line end within': split('\n'),
    'a zero byte within': split('\u0000'),
    'a full-width dot': token.replace('.', '\uFF0E'),
    'a space in front': ` ${token}`,
    'a line end behind': `${token}\n`,
    'padding behind the signature': `${token}${'='.repeat((4 - (signature.length % 4)) % 4)}=`,
    'padding in the header': `${header}=.${body}.${signature}`,
    'the whole in quotes': `"${token}"`,
    'characters of plain base64': inPlainBase64(slot, key),
    'unused bits of the last character set': unusedBits(slot, key),
  }
}

/** Signed as it stands, so that only its spelling is wrong. */
function inPlainBase64(slot: Slot, key: SigningKey): string {
  const claims = Buffer.from(JSON.stringify({ ...slot.claims(key), x: '\u00FB\u00FF\u00FE???>>>' }))
  const input = `${part(slot.header(key))}.${claims.toString('base64').replace(/=+$/, '')}`
  return `${input}.${signatureOf(input, key).toString('base64url')}`
}

/** A payload whose last character has bits to spare, signed as it is spelled: it decodes to the same bytes. */
function unusedBits(slot: Slot, key: SigningKey): string {
  const claims = slot.claims(key)
  let body = ''
  for (let fill = ''; body === '' || body.length % 4 === 0; fill += ' ') body = part(JSON.stringify(claims) + fill)
  const last = ALPHABET[ALPHABET.indexOf(body.slice(-1)) + 1]
  const input = `${part(slot.header(key))}.${body.slice(0, -1)}${last}`
  return `${input}.${signatureOf(input, key).toString('base64url')}`
}

/** A JWT is compact (RFC 7519 section 3); the JSON serializations of RFC 7515 section 7.2 are none. */
function serializations(slot: Slot, key: SigningKey): Record<string, string> {
  const [header = '', payload = '', signature = ''] = mintFor(slot, key).split('.')
  const flattened = JSON.stringify({ protected: header, payload, signature })
  const general = JSON.stringify({ payload, signatures: [{ protected: header, signature }] })
  return {
    'flattened JSON': flattened,
    'general JSON': general,
    'flattened JSON in base64url': part(flattened),
    'general JSON in base64url': part(general),
    'JSON within three segments': `${part(flattened)}.${payload}.${signature}`,
  }
}

function contents(slot: Slot, key: SigningKey): Record<string, string> {
  const [header, claims] = [slot.header(key), slot.claims(key)]
  const raw = (bytes: Buffer) => {
    const input = `${part(header)}.${bytes.toString('base64url')}`
    return `${input}.${signatureOf(input, key).toString('base64url')}`
  }
  const json = JSON.stringify({ ...claims, x: 'q' })
  return {
    'payload is an array': signParts(header, [claims], key),
    'payload is null': signParts(header, 'null', key),
    'payload is a text': signParts(header, '"text"', key),
    'payload is no JSON': signParts(header, '{', key),
    'payload is empty': signParts(header, '{}', key),
    'payload after a byte order mark': signParts(header, `\uFEFF${json}`, key),
    'payload is not UTF-8': raw(
      Buffer.concat([Buffer.from(json.slice(0, -2)), Buffer.from([0xff]), Buffer.from('"}')]),
    ),
    'header is an array': signParts([header], claims, key),
    'header is null': signParts('null', claims, key),
    'header is a text': signParts('"text"', claims, key),
    'payload of 17 kB': mintFor(slot, key, { x: 'x'.repeat(12_800) }),
  }
}

/** RFC 7515 section 4 and RFC 7519 section 4: names are unique, or the token is rejected. */
function duplicates(slot: Slot, key: SigningKey): Record<string, string> {
  const [header, claims] = [slot.header(key), slot.claims(key)]
  const withFirst = (object: object, name: string, value: unknown) =>
    `{${JSON.stringify(name)}:${JSON.stringify(value)},${JSON.stringify(object).slice(1)}`
  const members = Object.keys(claims).map((name) => [
    `${name} twice`,
    signParts(header, withFirst(claims, name, 'another'), key),
  ])
  const heads = Object.keys(header).map((name) => [
    `${name} twice in the header`,
    signParts(withFirst(header, name, name === 'alg' ? 'none' : 'another'), claims, key),
  ])
  const [name = ''] = Object.keys(claims)
  const escaped = withFirst(claims, name, 1).replace(
    `"${name}"`,
    `"\\u00${name.charCodeAt(0).toString(16)}${name.slice(1)}"`,
  )
  const deeper = JSON.stringify({ ...claims, list: [{ a: 1 }] }).replace('{"a":1}', '{"a":1,"b":{},"a":2}')
  return {
    ...Object.fromEntries([...members, ...heads]),
    [`${name} twice, once escaped`]: signParts(header, escaped, key),
    'a member twice, deeper': signParts(header, deeper, key),
  }
}

/** A good token of this slot, spelled in a way that is good too. */
export function goodShapes({ slot }: Attack): Row[] {
  return slot.keys.map((key) => {
    const input = inputFor(slot, key)
    return { name: `good (${key.alg})`, key, token: `${input}.${signatureOf(input, key).toString('base64url')}` }
  })
}
