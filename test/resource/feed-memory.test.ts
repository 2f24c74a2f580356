/** What a verifier costs that knows of 100,000 living revocations: measured in a process of its own. */

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { describe, expect, it } from 'vitest'
import { expectFigure } from '../support/figures.ts'

const ENTRIES = 100_000
const SET = fileURLToPath(new URL('../../src/resource/revocations/revocation-set.ts', import.meta.url))

// Entries as they come from the wire: each text is one of its own, made by JSON.parse.
const PROGRAM = `
  import { randomUUID } from 'node:crypto'
  import { createRevocationSet } from '${SET}'

  const now = 1_800_000_000
  const set = createRevocationSet({ clock: () => now * 1000 })
  const kinds = ['jti', 'gid', 'sid']
  const line = (i) => JSON.stringify({ [kinds[i % 3]]: randomUUID() + 'abcdefg', exp: now + 600 + i % 300, at: now })
  set.add(JSON.parse(line(0)))
  gc()
  const before = process.memoryUsage().heapUsed
  for (let i = 1; i < ${ENTRIES}; i++) set.add(JSON.parse(line(i)))
  gc()
  const bytes = process.memoryUsage().heapUsed - before

  const token = { jti: randomUUID(), gid: randomUUID(), sid: randomUUID(), kid: 'k', client_id: 'c', iat: now }
  const started = process.hrtime.bigint()
  for (let i = 0; i < 1_000_000; i++) if (set.covers(token)) throw new Error('covered')
  const coversNs = Number(process.hrtime.bigint() - started) / 1e6
  console.log(JSON.stringify({ size: set.size, bytes, coversNs }))
`

describe('100,000 living revocations', () => {
  it('take less than 20 MB of a verifier, and a look at them less than two microseconds', async () => {
    const args = ['--expose-gc', '--input-type=module', '--eval', PROGRAM]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    const { size, bytes, coversNs } = JSON.parse(stdout) as { size: number; bytes: number; coversNs: number }

    expect(size).toBe(ENTRIES)
    expectFigure('MB of a verifier with 100,000 revocations', bytes / 1e6, 20)
    // Some 100 ns by itself.
    expectFigure('ns for a look at 100,000 revocations', coversNs, 2000)
  })
})
