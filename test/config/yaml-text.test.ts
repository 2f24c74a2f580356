import { describe, expect, it } from 'vitest'

import { NotYaml, valueFrom, yamlText } from '../../src/config/file/yaml-text.ts'

describe('a text that is read as YAML', () => {
  it.each([
    ['', undefined],
    ['# a comment', undefined],
    ['a: yes', { a: 'yes' }],
    ['a: 2020-01-01', { a: '2020-01-01' }],
    ['a: &list [x]\nb: *list', { a: ['x'], b: ['x'] }],
    ['<<: { a: 1 }', { '<<': { a: 1 } }],
  ])('has the values of the core schema and no merge keys: %j', (text, value) => {
    expect(valueFrom(text)).toEqual(value)
  })

  it('keeps the name __proto__ as a name', () => {
    expect(Object.keys(valueFrom('__proto__: { polluted: true }') as object)).toEqual(['__proto__'])
    expect(Reflect.get({}, 'polluted')).toBeUndefined()
  })

  it.each(['a: 1\na: 2', '--- a\n--- b', 'a: [1', 'a: !tag x', 'a: !!js/function x', 'a: *none', '? [a]\n: b', '\0'])(
    'is refused when it is ambiguous or has what no setting has: %j',
    (text) => {
      expect(() => valueFrom(text)).toThrow(NotYaml)
    },
  )

  it.each([
    ['aliases of aliases', `a: &a [x, x, x, x]\n${nested(12)}`],
    ['an alias of itself', 'a: &a { b: *a }'],
    ['thousands of aliases', `a: &a x\nb: [${Array.from({ length: 1001 }, () => '*a').join(', ')}]`],
  ])('is refused with %s, which would grow without end', (_, text) => {
    expect(() => valueFrom(text)).toThrow(NotYaml)
  })

  it('is refused with the place of the mistake, and without a word of the line', () => {
    const error = refusalOf('a: 1\nb: !kanarienvogel x')

    expect(error).toMatchObject({ message: 'unknown scalar tag', place: { line: 2, column: 4 } })
  })
})

describe('a value that is written as YAML', () => {
  it('is sorted by name, leaves out what is not set, and is read back as it was', () => {
    const texts = ['yes', '0x1', '1e3', 'null', '~', 'a: b', '- x', '12:30', '2020-01-01', 'two\nlines', '#', '']

    expect(yamlText({ b: 1, a: [{ d: undefined, c: true }] })).toBe('a:\n  - c: true\nb: 1')
    expect(valueFrom(yamlText(texts))).toEqual(texts)
  })

  it('repeats what stands twice, and has no alias', () => {
    const list = ['x']

    expect(yamlText({ a: list, b: list })).toBe('a:\n  - x\nb:\n  - x')
  })
})

/** Each list has the list before it four times. */
function nested(levels: number): string {
  const lists = Array.from(
    { length: levels },
    (_, at) => `l${at}: &l${at} [${`*${at === 0 ? 'a' : `l${at - 1}`}, `.repeat(4)}]`,
  )
  return lists.join('\n')
}

function refusalOf(text: string): unknown {
  try {
    return valueFrom(text)
  } catch (error) {
    return error
  }
}
