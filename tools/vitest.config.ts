/**
 * `npm run test:tools`: the load tools at work, and the tests with figures of time and memory, judged. For a machine that
 * has nothing else to do.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('..', import.meta.url))
const tests = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.test.ts'),
)
const withFigures = tests.filter((path) => readFileSync(join(root, 'test', path), 'utf8').includes('/figures.ts'))

export default defineConfig({
  test: {
    root,
    include: ['tools/**/*.test.ts', ...withFigures.map((path) => `test/${path}`)],
    env: { JUDGE_FIGURES: '1' },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 1,
  },
})
