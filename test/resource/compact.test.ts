/** A compact JWS has one reading, or none. */

import { describe, expect, it } from 'vitest'

import { Malformed, readObject, splitCompact } from '../../src/resource/token/compact.ts'
import { part } from './issuer.ts'

const read = (json: string | Uint8Array) => readObject(Buffer.from(json).toString('base64url'))

describe('an object in a token', () => {
  it('is read as it stands, with colons and quotes in its texts, at every depth', () => {
    const value = {
      'a:b': ':"\\":{}[]',
      '"': { deep: [{ a: 1 }, { a: 2 }, [], {}, null, true, 1e3] },
      __proto__x: 'é\u{1F600}\u0000\\',
      '': { '': '' },
      'back\\': 'slash\\',
    }

    expect(read(JSON.stringify(value))).toEqual(value)
    expect(read(JSON.stringify(value, undefined, 2))).toEqual(value)
    expect(read('{"__proto__":1,"constructor":2}')).toHaveProperty('constructor', 2)
  })

  it.each([
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"a":1,"b":{"c":1,"c":1}}',
    '{"a":[{"c":1,"d":{},"c":{}}]}',
    '{"__proto__":1,"__proto__":2}',
    '{"a:":1,"a:":2}',
    '{"":1,"":2}',
  ])('is refused when a member stands in it twice: %s', (json) => {
    expect(() => read(json)).toThrow(Malformed)
  })

  it.each(['', '{', '[]', 'null', '"text"', '1', '{"a":1}x', '\uFEFF{"a":1}', "{'a':1}", '{"a":1,}'])(
    'is refused when it is none: %j',
    (json) => {
      expect(() => read(json)).toThrow(Malformed)
    },
  )

  it('is refused when it is not UTF-8', () => {
    expect(() => read(Buffer.from('{"a":"\xff"}', 'latin1'))).toThrow(Malformed)
    expect(() => read(Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d]))).toThrow(Malformed)
  })

  it('is refused when it is nested deeper than any token, before the stack runs out', () => {
    const nested = (depth: number) => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`

    expect(read(nested(30))).toHaveProperty('a')
    for (const depth of [32, 5000, 100_000]) expect(() => read(nested(depth)), `${depth}`).toThrow(Malformed)
  })
})

describe('a compact JWS', () => {
  const [header, body, signature] = [part({ alg: 'ES256' }), part({ a: 1 }), Buffer.alloc(64, 1).toString('base64url')]

  it('is three parts, of which the first two were signed', () => {
    expect(splitCompact(`${header}.${body}.${signature}`)).toEqual({
      ...{ header, payload: body, signature },
      signed: `${header}.${body}`,
    })
  })

  it.each([
    `${header}.${body}`,
    `${header}.${body}.${signature}.`,
    `${header}.${body}.${signature}.${signature}`,
    `.${body}.${signature}`,
    `${header}..${signature}`,
    `${header}.${body}.`,
    ` ${header}.${body}.${signature}`,
    `${header}.${body}.${signature}\n`,
    `${header}.${body}.${signature}=`,
    `${header}.${body}+.${signature}`,
    `${header}.${body}/.${signature}`,
    'a'.repeat(17_000),
  ])('is nothing else: %s', (text) => {
    expect(() => splitCompact(text)).toThrow(Malformed)
  })

  it('is refused when another text would stand for the same bytes', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    for (const bytes of [1, 2, 3, 64, 256]) {
      const good = Buffer.alloc(bytes, 0xa5).toString('base64url')
      const others = Array.from(alphabet, (letter) => good.slice(0, -1) + letter).filter((text) => text !== good)
      const same = others.filter((text) => Buffer.from(text, 'base64url').equals(Buffer.alloc(bytes, 0xa5)))

      expect(same.length).toBe({ 1: 15, 2: 3, 0: 0 }[bytes % 3])
      expect(() => splitCompact(`${header}.${body}.${good}`)).not.toThrow()
      for (const text of same) expect(() => splitCompact(`${header}.${body}.${text}`), text).toThrow(Malformed)
    }
    for (const text of ['A', 'AAAAA']) expect(() => splitCompact(`${header}.${body}.${text}`)).toThrow(Malformed)
  })
})
