/** The words of src/, of the docs and of test titles are plain English, and each turn of the list is seen where it stands. */

import { describe, expect, it } from 'vitest'

import { ROOT } from './root.ts'
import { proseOf, titlesIn, wordProblems } from './words.ts'

describe('the prose of the project', () => {
  it('has no turn of the list', () => {
    expect(wordProblems(proseOf(ROOT))).toEqual([])
  })
})

describe('a turn of the list', () => {
  it.each([
    ['/** Whoever asks. */', 'Whoever', 'Name the subject'],
    ['// For those who wait.', 'those who', 'Repeat the noun'],
    ['A thief has it.', 'thief', 'attacker'],
    ['A verifier hears of it.', 'hears', 'learns of'],
    ['It lies beside the file.', 'beside', 'next to'],
    ['The server goes on.', 'goes on', 'continues'],
    ['A code that comes again.', 'comes again', 'is used again'],
    ['Each with its mend.', 'mend', 'correct'],
  ])('is named with file, line and remedy: %s', (text, turn, remedy) => {
    const problems = wordProblems([{ path: 'src/seeded.ts', line: 1, text: `one line\n${text}` }])

    expect(problems).toEqual([expect.stringContaining(`src/seeded.ts:2 breaks the rule “words”: it has “${turn}”`)])
    expect(problems[0]).toContain(remedy)
  })

  it('is found in each kind of title, and in no other text of a test', () => {
    const source = [
      `it('a')`,
      `it.each(ROWS)('b %s')`,
      `describeWithRedis("c")`,
      `it.skipIf(missing)(\n  'd',`,
      `expect('nobody')`,
    ]

    expect(titlesIn('test/a.test.ts', source.join('\n')).map(({ line, text }) => `${line} ${text}`)).toEqual([
      '1 a',
      '2 b %s',
      '3 c',
      '4 d',
    ])
  })
})
