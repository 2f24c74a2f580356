import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

import { ROOT } from '../house/root.ts'
import { SLOW_TESTS } from '../slow-tests.ts'

it.each(Object.entries(SLOW_TESTS))('npm test leaves %s to npm run test:all: %s', (path, reason) => {
  expect(existsSync(join(ROOT, path))).toBe(true)
  expect(reason.length).toBeGreaterThan(8)
})

it('.ci/run runs every test, and so does the command of README', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }

  expect(scripts['test:all']).toBe('vitest run')
  expect(readFileSync(join(ROOT, '.ci/run'), 'utf8')).toMatch(/^npm run test:all /m)
  expect(readFileSync(join(ROOT, 'README.md'), 'utf8')).toMatch(/^npm run test:all +# every test/m)
})
