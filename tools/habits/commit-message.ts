/**
 * The rules of a commit message, as CONTRIBUTING.md has them: `node tools/habits/commit-message.ts FILE`. The hook
 * .githooks/commit-msg runs it.
 */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const ROOT = join(import.meta.dirname, '../..')
const TYPES = ['feat', 'fix', 'refactor', 'test', 'docs', 'perf']
const SUBJECT = /^(?<type>[a-z]+)(?:\((?<scope>[a-z][\w/-]*)\))?: (?<what>.+)$/
const LONGEST_SUBJECT = 120
/** Where a scope may be a folder. */
const PLACES = ['', 'src', 'src/engine', 'src/http', 'test', 'tools', 'docs']
/** Words that tell a later reader nothing, or only what was true on one machine. */
const FORBIDDEN: readonly { readonly pattern: RegExp; readonly because: string }[] = [
  { pattern: /\b(?:wip|fixup!|squash!|amend!)/i, because: 'the commit is not finished' },
  { pattern: /(?:^|[\s'"`(])\/(?:home|Users|root|tmp|work|mnt)\//, because: 'a path of one machine' },
  { pattern: /\b(?:localhost|127\.0\.0\.1):\d{4,5}\/(?:npm|simple|registry)/, because: 'the address of a registry' },
  { pattern: /\b(?:whoever|nobody|somebody)\b/i, because: 'plain English names its subject' },
]

/** What is wrong with a message, a sentence each. Lines that Git removes (`# …`) are not read. */
export function messageProblems(message: string, isFolder = isFolderHere): string[] {
  const lines = message.split('\n').filter((line) => !line.startsWith('#'))
  const [subject = '', second = ''] = lines
  // Git writes these itself.
  if (/^(?:Merge|Revert) /.test(subject)) return []
  return [
    ...subjectProblems(subject, isFolder),
    ...(second.trim() === '' ? [] : ['The second line is empty; the body begins on the third.']),
    ...FORBIDDEN.flatMap(({ pattern, because }) => {
      const found = pattern.exec(lines.join('\n'))
      return found === null ? [] : [`“${found[0].trim()}” does not belong in a commit message: ${because}.`]
    }),
  ]
}

function subjectProblems(subject: string, isFolder: (scope: string) => boolean): string[] {
  const { type, scope, what = '' } = SUBJECT.exec(subject)?.groups ?? {}
  if (type === undefined) return ['The subject is `type(scope): what it does now`.']
  return [
    ...(TYPES.includes(type) ? [] : [`The type is one of ${TYPES.join(', ')}, not ${type}.`]),
    ...(scope === undefined || isFolder(scope) ? [] : [`The scope is a folder, and there is no ${scope}/.`]),
    ...(what.endsWith('.') ? ['The subject ends without a full stop.'] : []),
    ...(subject.length > LONGEST_SUBJECT
      ? [`The subject has ${subject.length} characters, more than ${LONGEST_SUBJECT}.`]
      : []),
  ]
}

function isFolderHere(scope: string): boolean {
  return PLACES.some((place) => existsSync(join(ROOT, place, scope)) || existsSync(join(ROOT, place, `.${scope}`)))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problems = messageProblems(readFileSync(process.argv[2] ?? '', 'utf8'))
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length === 0 ? 0 : 1
}
