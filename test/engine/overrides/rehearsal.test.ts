/**
 * An upgrade of oidc-provider, rehearsed: a copy of this project with a changed copy of the engine. A release like that must
 * be noticed by name, and cost speed but no answer.
 */

import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { ROOT } from '../../house/root.ts'

const OVERRIDES = 'test/engine/overrides/overrides.test.ts'
const BYTE_FOR_BYTE = ['client-credentials', 'authorization-code', 'refresh-token', 'introspection', 'userinfo'].map(
  (name) => `test/engine/fast-path/${name}.test.ts`,
)

// Each test is a run of many.
vi.setConfig({ testTimeout: 600_000 })

let copy: string
beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'grantor-rehearsal-'))
  for (const path of ['src', 'test', 'views', 'package.json', 'vitest.config.ts']) {
    await cp(join(ROOT, path), join(copy, path), { recursive: true })
  }
  await mkdir(join(copy, 'node_modules'))
  for (const name of await readdir(join(ROOT, 'node_modules'))) {
    if (name === 'oidc-provider' || name.startsWith('.')) continue
    await symlink(join(ROOT, 'node_modules', name), join(copy, 'node_modules', name))
  }
  await cp(join(ROOT, 'node_modules/oidc-provider'), join(copy, 'node_modules/oidc-provider'), { recursive: true })
})
afterAll(() => rm(copy, { recursive: true }))

describe('an upgrade of oidc-provider with another binding, a renamed method and another default', () => {
  beforeAll(async () => {
    await changeEngine('models/access_token.js', "'x5t#S256',", "'x5t#S256',\n      'x5t#S512',")
    for (const file of ['base_model', 'device_code', 'replay_detection', 'session']) {
      await changeEngine(`models/${file}.js`, 'instantiate(', 'revive(')
    }
    await changeEngine('helpers/defaults.js', 'clockTolerance: 15', 'clockTolerance: 20')
  })

  it('fails the test of the overrides, which names each of the three', async () => {
    const { passed, output } = await run([OVERRIDES])

    expect(passed).toBe(false)
    expect(output).toContain('AccessToken has a new property: x5t#S512')
    expect(output).toContain('AccessToken.instantiate is gone (replaced by payloads)')
    expect(output).toContain('clockTolerance changed from 15 to 20 (a default of the configuration)')
  })

  it('turns the fast path off with one log line, and every answer is the engine’s, byte for byte', async () => {
    const { passed, output } = await run(['test/engine/overrides/rehearsed-engine.test.ts', ...BYTE_FOR_BYTE])

    expect(passed, output).toBe(true)
    expect(output).toMatch(/Test Files\s+6 passed/)
  })
})

async function changeEngine(file: string, from: string, to: string): Promise<void> {
  const path = join(copy, 'node_modules/oidc-provider/lib', file)
  const text = await readFile(path, 'utf8')
  expect(text).toContain(from)
  await writeFile(path, text.replaceAll(from, to))
}

function run(files: readonly string[]): Promise<{ passed: boolean; output: string }> {
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
  const env = { ...process.env, REHEARSED_ENGINE: '1', NO_COLOR: '1' }
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [vitest, 'run', ...files, '--maxWorkers=1'],
      { cwd: copy, env, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => resolve({ passed: error === null, output: stdout + stderr }),
    )
  })
}
