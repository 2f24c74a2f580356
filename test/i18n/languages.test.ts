import { readdirSync, readFileSync } from 'node:fs'
import type { Context } from 'koa'
import { describe, expect, it } from 'vitest'

import { LoginRefused } from '../../src/faults/accounts.ts'
import { Fault } from '../../src/faults/fault.ts'
import { LoginFailed, TooManyAttempts } from '../../src/faults/sign-in.ts'
import { ConfigInvalid } from '../../src/faults/start.ts'
import { languageOf } from '../../src/http/pages/page.ts'
import { english } from '../../src/i18n/en/english.ts'
import { faultText, forOperator } from '../../src/i18n/fault-text.ts'
import type { Language } from '../../src/i18n/language.ts'
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

describe.each([...LANGUAGES])('the language $tag', ({ faults, pages }) => {
  it('has the texts of English for every page, each with its values', () => {
    const wanted = Object.entries(textsOf(english.pages)).map(([key, text]) => [key, valuesIn(text)])

    expect(Object.entries(textsOf(pages)).map(([key, text]) => [key, valuesIn(text)])).toEqual(wanted)
  })

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

describe('the texts of pages', () => {
  const files = [...filesIn('views', '.ejs'), ...filesIn('views', '.js'), ...filesIn('src/http', '.ts')]

  it.each(Object.keys(textsOf(english.pages)).filter((key) => !/^(?:scopes|error\.status)/.test(key)))(
    'are all shown: %s',
    (key) => {
      const [, name = ''] = key.split('.')

      expect(files.filter(({ text }) => new RegExp(`\\b${name}\\b`).test(text))).not.toEqual([])
    },
  )

  it.each(files.filter(({ path }) => path.endsWith('.ejs') && !path.startsWith('views/tour/')))(
    'stand in no view: $path',
    ({ text }) => {
      const shown = text.replace(/<script[\s\S]*?<\/script>/g, '').replace(/<%[\s\S]*?%>/g, '')

      // The points between the parts of a JWT are no text.
      expect(shown.replace(/<[^>]*>/g, '')).not.toMatch(/[\p{L}\p{N}]/u)
      expect(shown).not.toMatch(/\b(?:alt|aria-label|placeholder|title)="[^"]*\w/)
    },
  )

  const folder = (name: string) => readdirSync(new URL(`../../${name}`, import.meta.url)).toSorted()

  it('have each view under the name of its page in http/', () => {
    const pagesOf = files.flatMap(({ text }) =>
      [...text.matchAll(/createPage\(\w+(?:\.\w+)?, '([\w/-]+)'/g)].map(([, name = '']) => name),
    )
    const views = files.flatMap(({ path }) =>
      path.endsWith('.ejs') ? [path.slice('views/'.length, -'.ejs'.length)] : [],
    )

    expect(pagesOf.toSorted()).toEqual(views.filter((name) => !/^pages\/(?:head|foot)$/.test(name)).toSorted())
    for (const name of views.filter((one) => !/^pages\/(?:head|foot)$/.test(one))) {
      const [surface = '', page = ''] = name.split('/')
      expect(folder(`src/http/${surface}`)).toContain(`${page}.ts`)
    }
  })
})

describe('the language of a page', () => {
  const [first] = LANGUAGES
  const other: Language = { ...english, tag: 'ar', direction: 'rtl' }
  const reader = (preferred: string) => ({ acceptsLanguages: () => preferred }) as unknown as Context

  it('is the first one, whatever the browser asks for, while there is no other', () => {
    expect(languageOf(reader('ar'), [first])).toBe(first)
  })

  it('is the one that the browser prefers of several, else the first', () => {
    expect(languageOf(reader('ar'), [english, other])).toBe(other)
    expect(languageOf({ acceptsLanguages: () => false } as unknown as Context, [english, other])).toBe(english)
  })
})

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

type Tree = { readonly [key: string]: string | Tree }

/** By `page.name`. */
function textsOf(tree: Tree, prefix = ''): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tree).flatMap(([key, value]) =>
      typeof value === 'string' ? [[prefix + key, value]] : Object.entries(textsOf(value, `${prefix}${key}.`)),
    ),
  )
}

function valuesIn(text: string): string[] {
  return [...text.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name).toSorted()
}

function filesIn(folder: string, extension: string): { path: string; text: string }[] {
  const root = new URL(`../../${folder}/`, import.meta.url)
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(extension))
    .map((name) => ({ path: `${folder}/${name}`, text: readFileSync(new URL(name, root), 'utf8') }))
}
