/** `npm run test:tools`: the load tools at work, for machines that have nothing else to do. */

import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tools/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 1,
  },
})
