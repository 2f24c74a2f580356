/**
 * Words and turns of speech that cost a reader, each with what to write instead. words.test.ts holds src/, the docs and the
 * titles of tests to this list.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Turn {
  readonly pattern: RegExp
  readonly remedy: string
}

const TURNS: readonly Turn[] = [
  {
    pattern: /\b(?:whoever|whomever|nobody|somebody|anybody|everybody)\b/gi,
    remedy: 'Name the subject: the caller, the client, the person, the operator.',
  },
  { pattern: /\bthose who\b/gi, remedy: 'Repeat the noun: “clients that …”.' },
  { pattern: /\b(?:thief|thieves)\b/gi, remedy: 'Write “attacker”.' },
  { pattern: /\bhears?\b/gi, remedy: 'Write “learns of”, “gets” or “receives”.' },
  { pattern: /\bbeside\b/gi, remedy: 'Write “next to”, “in addition to” or “with”.' },
  { pattern: /\bgoes on\b/gi, remedy: 'Write “continues” or “still …”.' },
  { pattern: /\b(?:comes?|came) again\b/gi, remedy: 'Write “is used again”, “is sent again” or “is presented again”.' },
  { pattern: /\bmend(?:s|ed|ing)?\b/gi, remedy: 'Write “correct” or “repair”.' },
]

/** A text that people read, with the place where it stands. */
export interface Prose {
  readonly path: string
  readonly line: number
  readonly text: string
}

/** Every turn of the list in a text, a sentence each: file and line, what stands there, remedy. */
export function wordProblems(prose: readonly Prose[]): string[] {
  return prose.flatMap(({ path, line, text }) =>
    TURNS.flatMap(({ pattern, remedy }) =>
      [...text.matchAll(pattern)].map(
        (found) =>
          `${path}:${line + newlinesIn(text.slice(0, found.index))} breaks the rule “words”: it has “${found[0]}”. ${remedy}`,
      ),
    ),
  )
}

/** All that the list is for: the sources and scripts of src/, the docs, and the titles of tests. */
export function proseOf(root: string): Prose[] {
  const whole = (path: string): Prose => ({ path, line: 1, text: readFileSync(join(root, path), 'utf8') })
  const pages = readdirSync(root).filter((name) => name.endsWith('.md'))
  return [
    ...filesIn(root, 'src', /\.(?:ts|js|lua|md)$/).map(whole),
    ...filesIn(root, 'docs', /\.md$/).map(whole),
    ...[...pages, 'keys/README.md', 'test/README.md'].map(whole),
    ...filesIn(root, 'test', /\.ts$/).flatMap((path) => titlesIn(path, readFileSync(join(root, path), 'utf8'))),
  ]
}

const TITLE = /\b(?:it|test|describe\w*)(?:\.\w+)*(?:\([^()]*\))?\(\s*(['"`])((?:(?!\1).)+)\1/g

export function titlesIn(path: string, text: string): Prose[] {
  return [...text.matchAll(TITLE)].map((found) => ({
    path,
    line: 1 + newlinesIn(text.slice(0, found.index)),
    text: found[2] ?? '',
  }))
}

function filesIn(root: string, folder: string, name: RegExp): string[] {
  const found = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return found
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
    .filter((path) => name.test(path))
    .sort()
}

function newlinesIn(text: string): number {
  return text.split('\n').length - 1
}
