/** The verdict of .ci/run on a report of vitest. */

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'

import { failuresIn, mayRunAgain, type Report } from '../../tools/verdict/verdict.ts'
import { ROOT } from '../house/root.ts'

const failure = (file: string, message = 'AssertionError: expected 1 to be 2') => ({ file, title: 'a test', message })
const CACHE = join(ROOT, 'node_modules/.cache')
const plain = () => `import { it } from 'vitest'`

describe('failures may run again', () => {
  it('when they are in three files at most', () => {
    expect(
      mayRunAgain(
        [1, 2, 3].map((n) => failure(`test/${n}.test.ts`)),
        plain,
      ),
    ).toBe(true)
    expect(
      mayRunAgain(
        [1, 2, 3, 4].map((n) => failure(`test/${n}.test.ts`)),
        plain,
      ),
    ).toBe(false)
  })

  it.each(['test/feature/single-use/races.test.ts', 'test/feature/store-faults/slice.test.ts'])(
    'not when %s found a fault, but when it was only late',
    (file) => {
      expect(mayRunAgain([failure(file)], plain)).toBe(false)
      expect(mayRunAgain([failure(file, 'Error: Test timed out in 120000ms.')], plain)).toBe(true)
    },
  )

  it('not when a test with random input found a counterexample', () => {
    expect(mayRunAgain([failure('test/a.test.ts')], () => `import fc from 'fast-check'`)).toBe(false)
  })
})

describe('the verdict', () => {
  it('is good when a failure passes alone, and names the test as unstable', () => {
    const { status, stdout } = judge(
      { 'good once.test.ts': `it('passes alone', () => undefined)` },
      'good once.test.ts',
    )

    expect(stdout).toMatch(/^UNSTABLE: good once\.test\.ts > passes alone: it failed beside other tests/m)
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('2 passed, 0 failed, 0 skipped')
    expect(status).toBe(0)
  })

  it('is bad when it fails again, or when the run ended without a report', () => {
    const failing = `it('passes alone', () => expect(1).toBe(2))`

    const { status, stdout } = judge({ 'bad.test.ts': failing }, 'bad.test.ts')

    expect(stdout.trimEnd().split('\n').at(-1)).toBe('1 passed, 1 failed, 0 skipped')
    expect(status).toBe(1)
    expect(spawnSync(process.execPath, [join(ROOT, 'tools/verdict/main.ts'), '/nowhere.json']).status).not.toBe(0)
  })

  it('is bad when no test failed but the run did', () => {
    expect(judge({}, undefined).status).toBe(1)
    expect(judge({}, undefined, '0').status).toBe(0)
  })

  it('counts a file that could not be read as a failure', () => {
    const report = { testResults: [{ name: 'a.test.ts', status: 'failed', assertionResults: [] }] }

    expect(failuresIn(report as unknown as Report)).toEqual([
      { file: 'a.test.ts', title: '(the whole file)', message: '' },
    ])
  })
})

/** The verdict on a run of two tests, of which the one in this file failed; without a file, none. */
function judge(files: Readonly<Record<string, string>>, failed: string | undefined, exitCode = '1') {
  // Where the packages of the project are found, and no other test looks.
  mkdirSync(CACHE, { recursive: true })
  const folder = mkdtempSync(join(CACHE, 'verdict-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), `import { expect, it } from 'vitest'\nvoid expect\n${text}\n`)
  }
  const tests = [{ fullName: 'passes alone', status: 'failed', failureMessages: ['late'] }]
  const testResults =
    failed === undefined ? [] : [{ name: join(folder, failed), status: 'failed', assertionResults: tests }]
  const counts = { numPassedTests: 1, numPendingTests: 0, numTodoTests: 0 }
  writeFileSync(join(folder, 'report.json'), JSON.stringify({ ...counts, testResults }))
  const main = join(ROOT, 'tools/verdict/main.ts')
  return spawnSync(process.execPath, [main, join(folder, 'report.json'), exitCode], { cwd: folder, encoding: 'utf8' })
}
