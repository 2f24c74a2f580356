/**
 * The verdict on a run of all tests: `node tools/verdict/main.ts REPORT EXIT_CODE`, with the report of vitest in JSON and the
 * code that it ended with. A run that failed without a failed test (an error outside of tests) is bad.
 *
 * A few thousand tests with servers, browsers and failing stores share two cores. A test that then fails for want of time
 * says nothing of the code, so the files of a few failures run once more, one at a time. A test that passes alone is
 * printed as unstable: mend it. Ends with 0 only when every test has passed.
 */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

import { failuresIn, mayRunAgain, type Report, summary } from './verdict.ts'

const VITEST = join(import.meta.dirname, '../../node_modules/vitest/vitest.mjs')
/** Where the run was. */
const ROOT = process.cwd()
const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Report

function runAgain(files: readonly string[]): Report {
  const folder = mkdtempSync(join(tmpdir(), 'grantor-verdict-'))
  const path = join(folder, 'report.json')
  try {
    const options = ['--maxWorkers=1', '--reporter=default', '--reporter=json', `--outputFile=${path}`]
    spawnSync(process.execPath, [VITEST, 'run', ...files, ...options], { stdio: 'inherit' })
    return read(path)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function verdict(report: Report): { readonly line: string; readonly isGood: boolean } {
  const failures = failuresIn(report).map((failure) => ({ ...failure, file: relative(ROOT, failure.file) }))
  const files = [...new Set(failures.map(({ file }) => file))]
  const textOf = (file: string) => readFileSync(join(ROOT, file), 'utf8')
  if (files.length === 0 || !mayRunAgain(failures, textOf)) {
    return summary(report, { failed: failures.length, recovered: 0 })
  }
  const again = failuresIn(runAgain(files)).map(({ title }) => title)
  const recovered = failures.filter(({ title }) => !again.includes(title))
  for (const { file, title } of recovered) {
    console.log(`UNSTABLE: ${file} > ${title}: it failed beside other tests and passed alone.`)
  }
  return summary(report, { failed: again.length, recovered: recovered.length })
}

const [path = '', exitCode = '1'] = process.argv.slice(2)
const report = read(path)
const { line, isGood } = verdict(report)
console.log(line)
process.exitCode = isGood && (exitCode === '0' || failuresIn(report).length > 0) ? 0 : 1
