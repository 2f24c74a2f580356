/**
 * `npm run mutate -- src/keyring/ring`: changes one place of the code at a time and runs the tests that import it. A change
 * that no test notices is printed: a test is missing there, or the code does not matter.
 *
 *   --most N      at most N changes, spread evenly (40)
 *   --tests PATH  these tests, instead of every test that imports the changed file
 *
 * It works in a copy of the tree, so the working tree is never changed. A run that takes a minute counts as noticed: the
 * change made something wait for ever.
 */

import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'

import { applied, type Mutant, mutantsOf, sampled } from './mutants.ts'

const ROOT = join(import.meta.dirname, '../..')
const COPIED = [
  'src',
  'test',
  'tools',
  'views',
  'docs',
  'bin',
  'package.json',
  'vitest.config.ts',
  'tsconfig.json',
  'README.md',
]
const LONGEST_MS = 60_000

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { most: { type: 'string', default: '40' }, tests: { type: 'string', multiple: true, default: [] } },
})

interface Change extends Mutant {
  readonly path: string
  readonly text: string
}

function filesUnder(path: string): string[] {
  if (statSync(join(ROOT, path)).isFile()) return [path]
  return readdirSync(join(ROOT, path), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(path, name))
}

function changesUnder(path: string): Change[] {
  return filesUnder(path).flatMap((file) => {
    const text = readFileSync(join(ROOT, file), 'utf8')
    return mutantsOf(file, text).map((mutant) => ({ ...mutant, path: file, text }))
  })
}

/** Whether the tests pass in the copy. */
function passes(copy: string, path: string): boolean {
  const which = values.tests.length > 0 ? ['run', ...values.tests] : ['related', path, '--run']
  const vitest = [
    join(copy, 'node_modules/vitest/vitest.mjs'),
    ...which,
    '--mode',
    'quick',
    '--bail=1',
    '--maxWorkers=1',
  ]
  return (
    spawnSync(process.execPath, vitest, { cwd: copy, stdio: 'ignore', timeout: LONGEST_MS, killSignal: 'SIGKILL' })
      .status === 0
  )
}

function lineOf({ text, start }: Change): number {
  return text.slice(0, start).split('\n').length
}

const [folder] = positionals
if (folder === undefined) throw new TypeError('npm run mutate -- FOLDER: a folder or a file of src/')
const copy = mkdtempSync(join(tmpdir(), 'grantor-mutate-'))
try {
  for (const name of COPIED) cpSync(join(ROOT, name), join(copy, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  const all = changesUnder(relative(ROOT, join(process.cwd(), folder)))
  const changes = sampled(all, Number(values.most))
  const [first] = changes
  if (first === undefined) throw new TypeError(`${folder} has nothing to change`)
  if (!passes(copy, first.path))
    throw new Error('the tests fail without any change, or take longer than a minute: name faster ones with --tests')
  let noticed = 0
  for (const change of changes) {
    writeFileSync(join(copy, change.path), applied(change.text, change))
    if (passes(copy, change.path))
      console.log(`${change.path}:${lineOf(change)} not noticed: ${change.from} → ${change.to}`)
    else noticed++
    writeFileSync(join(copy, change.path), change.text)
  }
  console.log(`${noticed} of ${changes.length} changes noticed (${all.length} are possible)`)
} finally {
  rmSync(copy, { recursive: true, force: true })
}
