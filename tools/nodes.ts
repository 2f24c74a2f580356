/**
 * Runs the embedded store's contract suite on the other versions of Node that the server supports: `npm run test:nodes`.
 *
 * `node:sqlite` changes between versions, and it is not covered by Node's promise of stability. Each version is installed
 * from npm once, into node_modules/.cache. A version that cannot be had is named in one line and is no failure, so that
 * the command can be used without a network.
 */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

const MAJORS = [25, 26]
const ROOT = join(import.meta.dirname, '..')
const SUITE = 'test/store/embedded-store.test.ts'

/** The program of this version, or why there is none. */
function findNode(major: number): { readonly program: string } | { readonly problem: string } {
  const folder = join(ROOT, 'node_modules/.cache/nodes', String(major))
  const program = join(folder, 'node_modules/node/bin/node')
  if (existsSync(program)) return { program }
  mkdirSync(folder, { recursive: true })
  const npm = ['install', '--no-audit', '--no-fund', '--no-save', '--prefix', folder, `node@${major}`]
  const { status, stderr, error } = spawnSync('npm', npm, { cwd: folder, encoding: 'utf8', timeout: 120_000 })
  if (status === 0 && existsSync(program)) return { program }
  return { problem: error?.message ?? stderr.trim().split('\n').at(-1) ?? 'npm said nothing' }
}

/** Whether the suite passes, or could not be run for want of the version. */
function passes(major: number): boolean {
  const found = findNode(major)
  if ('problem' in found) {
    console.warn(`!!! NOT TESTED on Node ${major}: npm could not install it (${found.problem}).`)
    return true
  }
  console.log(`Node ${major}: ${found.program}`)
  const vitest = [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', SUITE, '--maxWorkers=1']
  return spawnSync(found.program, vitest, { cwd: ROOT, stdio: 'inherit' }).status === 0
}

process.exitCode = MAJORS.map(passes).every(Boolean) ? 0 : 1
