import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { canonicalLogin, checkLoginName } from '../../src/accounts/login-name.ts'
import { LoginRefused } from '../../src/faults/accounts.ts'

describe('canonicalLogin', () => {
  it.each([
    ['  Alice@Example.com\t', 'alice@example.com'],
    ['ａｌｉｃｅ', 'alice'],
    ['al\u200bi\u00adce', 'alice'],
    ['Stra\u00dfe', 'strasse'],
    ['ΟΔΟΣ', 'οδος'],
    ['\ufb01nn', 'finn'],
    ['Jose\u0301', 'jos\u00e9'],
  ])('[S120] takes %j for %j', (typed, canonical) => {
    expect(canonicalLogin(typed)).toBe(canonical)
  })

  it('[S120] does not change what is canonical already', () => {
    const codePoints = fc.array(fc.integer({ min: 0, max: 0x10ffff }), { maxLength: 40 })
    const short = codePoints.map((points) => String.fromCodePoint(...points))

    fc.assert(fc.property(short, (typed) => canonicalLogin(canonicalLogin(typed)) === canonicalLogin(typed)))
  })

  it('[S120] is the same in upper and lower case', () => {
    const short = fc.string({ unit: 'grapheme', maxLength: 40 })

    fc.assert(fc.property(short, (typed) => canonicalLogin(typed.toUpperCase()) === canonicalLogin(typed)))
  })

  it('does not work on more than a login can hold', () => {
    expect(canonicalLogin('\ufdfa'.repeat(100_000)).length).toBeLessThan(10_000)
  })
})

describe('checkLoginName', () => {
  it.each(['', '   ', '\u200b', 'a\u0000b', 'a\nb', 'a\u202eb', 'x'.repeat(255)])('refuses %j', (login) => {
    expect(() => checkLoginName(login)).toThrow(LoginRefused)
  })

  it.each(['alice', 'alice@example.com', ' Алиса ', '愛麗絲', 'x'.repeat(254)])('takes %j', (login) => {
    expect(() => checkLoginName(login)).not.toThrow()
  })
})
