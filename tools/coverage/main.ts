/**
 * `npm run coverage`: which code of src/ the tests run, a line a folder. `npm run coverage -- test/keyring` runs those
 * tests only. The pages for reading line by line are in coverage/.
 *
 * V8 counts in the process of the tests. What runs only in a process that a test starts (workers, the supervisor, the
 * command line started as a program) is not counted.
 */

import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import { byFolder, coverageTable, type FileCoverage } from './by-folder.ts'

const ROOT = join(import.meta.dirname, '../..')
const SUMMARY = join(ROOT, 'coverage/coverage-summary.json')

rmSync(SUMMARY, { force: true })
const vitest = [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--coverage', ...process.argv.slice(2)]
const { status } = spawnSync(process.execPath, vitest, { cwd: ROOT, stdio: 'inherit' })
const summary = JSON.parse(readFileSync(SUMMARY, 'utf8')) as Record<string, FileCoverage>
console.log(coverageTable(byFolder(summary, ROOT)))
process.exitCode = status ?? 1
