import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'

import { shapeOf, waitsIn } from '../../tools/figures/shape.ts'

it.each([
  ['await new Promise((resolve) => setTimeout(resolve, 100))', 1, 0],
  ['await sleep(100)', 1, 0],
  ['const timer = setTimeout(() => cut(), 100)', 0, 0],
  ['expect(performance.now() - before).toBeLessThan(100)', 0, 1],
  ['expect(elapsedMs).toBeLessThanOrEqual(100)', 0, 1],
  ['expect(entries.length).toBeLessThan(100)', 0, 0],
])('%s counts as %i sleeps and %i timing assertions', (text, sleeps, timingAssertions) => {
  expect(waitsIn({ path: 'a.ts', text })).toEqual({ sleeps, timingAssertions })
})

it('the shape of a tree names its fullest folder, its longest file and function, and counts vague words', () => {
  const root = mkdtempSync(join(tmpdir(), 'grantor-shape-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const files = {
    'src/a/one.ts': '/** Whoever asks. */\nexport function one() {\n  return 1\n}\n',
    'src/a/two.ts': 'export const two = 2\n',
    'src/b/three.ts': `${'// a line\n'.repeat(9)}`,
    'docs/page.md': 'Nobody, and again somebody.\n',
    'test/a.test.ts': 'await sleep(1)\n',
  }
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }

  expect(shapeOf(root)).toEqual({
    fullestFolder: { name: 'src/a', count: 2 },
    longestFile: { name: 'src/b/three.ts', count: 9 },
    longestFunction: { name: 'src/a/one.ts:2', count: 3 },
    ...{ vagueWords: 3, sleeps: 1, timingAssertions: 0 },
  })
})
