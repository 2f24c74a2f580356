/** A slice of the soak, with everything in it: a few rotations where the whole has three hundred. */

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'

import { describeWithRedis } from '../../test/support/redis.ts'
import type { Looks } from './tally.ts'

const SOAK = fileURLToPath(new URL('./keys.ts', import.meta.url))

describeWithRedis('rotations on three servers that share a Redis', () => {
  it('cost no request and no verifier a good token, and a hurry that would is refused', {
    timeout: 150_000,
  }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'grantor-test-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const jsonFile = join(folder, 'soak.json')
    const options = ['--rotations', '12', '--token-life', '60', '--seconds', '90', '--json', jsonFile]

    // In a process of its own, since it makes the clock of its process go faster.
    const { stdout } = await promisify(execFile)(process.execPath, [SOAK, ...options])

    const { complaints, rotations, verifiers } = JSON.parse(await readFile(jsonFile, 'utf8')) as {
      readonly complaints: string[]
      readonly rotations: number
      readonly verifiers: Record<string, Looks>
    }
    expect(stdout).toContain('keys.rotation is 39; it wants at least jwks_max_age + margin (40s)')
    expect(complaints).toEqual([])
    expect(rotations).toBeGreaterThanOrEqual(12)
    expect(Object.values(verifiers)).toHaveLength(5)
    for (const { atOnce, beforeExpiry } of Object.values(verifiers)) {
      expect(Math.min(atOnce, beforeExpiry)).toBeGreaterThan(100)
    }
  })
})
