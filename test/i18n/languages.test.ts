import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

import { LoginRefused } from '../../src/faults/accounts.ts'
import { Fault } from '../../src/faults/fault.ts'
import { LoginFailed, TooManyAttempts } from '../../src/faults/sign-in.ts'
import { ConfigInvalid } from '../../src/faults/start.ts'
import { english } from '../../src/i18n/en/english.ts'
import { faultText, forOperator } from '../../src/i18n/fault-text.ts'
import { LANGUAGES } from '../../src/i18n/languages.ts'
import { faultKinds } from '../support/fault-kinds.ts'

const KINDS = await faultKinds()
const KEYS = KINDS.flatMap(({ code, reasons }) =>
  reasons === undefined ? [code] : Object.keys(reasons).map((reason) => `${code}.${reason}`),
)

describe('a class of faults', () => {
  it.each(KINDS)('$code has one status, or one for each of its reasons', ({ status, reasons }) => {
    expect(status === undefined).toBe(reasons !== undefined)
    for (const one of [status, ...Object.values(reasons ?? {})].filter((value) => value !== undefined)) {
      expect(one).toBeGreaterThanOrEqual(400)
      expect(one).toBeLessThan(600)
    }
  })

  it.each(KINDS)('$code is a fault with a code of its own', (kind) => {
    expect(kind).toHaveProperty('prototype', expect.any(Fault))
    expect(KINDS.filter(({ code }) => code === kind.code)).toHaveLength(1)
  })
})

describe('every folder of languages', () => {
  it('is one that the server offers', () => {
    const folders = readdirSync(new URL('../../src/i18n/', import.meta.url), { withFileTypes: true })

    expect(folders.flatMap((one) => (one.isDirectory() ? [one.name] : []))).toEqual(LANGUAGES.map(({ tag }) => tag))
  })
})

describe.each([...LANGUAGES])('the language $tag', ({ faults }) => {
  it('has a sentence for every reason of every fault, and for no other', () => {
    expect(Object.keys(faults).toSorted()).toEqual([...KEYS, 'server_error'].toSorted())
  })

  it.each(Object.entries(faults))('says of %s something that is whole', (_key, text) => {
    expect(text).toMatch(/^\S.*[.?!]$/)
  })
})

it.each(Object.entries(english.faults))(
  'English says %s in the characters that an error_description may have (RFC 6749 section 5.2)',
  (_key, text) => {
    expect(text).toMatch(/^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/)
  },
)

describe('the sentence for a fault', () => {
  it('holds its values, lengths of time in words', () => {
    expect(faultText(new TooManyAttempts(300, 0, 'account'))).toContain('in 5 minutes.')
    expect(faultText(new LoginRefused('too_long', { most: 320 }))).toContain('at most 320 characters')
  })

  it('holds no detail for the caller, and has it in brackets for the operator', () => {
    const fault = new LoginFailed({ detail: 'no such account' })

    expect(faultText(fault)).not.toContain('no such account')
    expect(forOperator(fault)).toBe(`${faultText(fault)} (no such account)`)
  })

  it('is the problems themselves where the operator reads them', () => {
    expect(forOperator(new ConfigInvalid(['PORT is no number.', 'HOST is empty.']))).toBe(
      'PORT is no number.\nHOST is empty.',
    )
  })
})
