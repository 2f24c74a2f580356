import { defineConfig } from 'vitest/config'

import { SLOW_TESTS } from './test/slow-tests.ts'

// Of an engine that rehearsal.test.ts puts in the place of the one that is installed.
const REHEARSED = process.env.REHEARSED_ENGINE === '1' ? [] : ['test/engine/overrides/rehearsed-engine.test.ts']

export default defineConfig(({ mode }) => ({
  test: {
    include: ['test/**/*.test.ts'],
    // `npm test`; any other run, `npm run test:all` among them, has every test.
    exclude: [...(mode === 'quick' ? Object.keys(SLOW_TESTS) : []), ...REHEARSED],
    // Long enough for a machine whose cores are all busy with something else: states are waited for, not moments.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000, interval: 20 } },
    // Two cores: more workers only make the races and the browser slower, not the run shorter.
    maxWorkers: 2,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/samples/**'],
      reporter: ['json-summary', 'html'],
    },
  },
}))
