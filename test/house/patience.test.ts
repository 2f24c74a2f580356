/** Tests wait for states, and leave figures to `npm run test:tools`. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { ROOT } from './root.ts'

// Each asks again and again whether a state has come about, is a client that pauses as clients do, or delays a network.
const PAUSE_BETWEEN_LOOKS = [
  'feature/refresh/refreshing-clients.ts',
  'feature/keys/external-signer.test.ts',
  'feature/processes/supervised.ts',
  'http/revocation-reader.ts',
  'http/revocations-silence.test.ts',
  'engine/swap.test.ts',
  'engine/swapping.ts',
  'resource/feed-fixture.ts',
  'resource/interleavings-fixture.ts',
  'resource/interleavings-worker.ts',
  'support/redis.ts',
  'support/textbook-adapter.ts',
]
// Have such lines as examples.
const EXAMPLES = ['house/patience.test.ts', 'habits/figures.test.ts']
const SLEEPS = /\bawait (?:delay|later|pause|sleep)\(|\bsetTimeout\((?:resolve|done)\b/
const JUDGES_TIME = /\bexpect\([^\n]*(?:performance\.now|hrtime|memoryUsage)/
const HURRIES = /\bvi\.waitFor\([^\n]*, \d[\d_]*\)$|\bexpect\.poll\([^\n]*timeout: \d{1,4}\b/m

const sources = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !EXAMPLES.includes(path))
  .map((path) => ({ path, text: readFileSync(join(ROOT, 'test', path), 'utf8') }))

describe('[B17] on a machine whose cores are all busy', () => {
  it('no test is cut short by a sleep', () => {
    const sleeping = sources.filter(({ text }) => SLEEPS.test(text)).map(({ path }) => path)

    expect(sleeping.filter((path) => !PAUSE_BETWEEN_LOOKS.includes(path))).toEqual([])
  })

  it('no test is judged by how long something took or what memory it held: that is expectFigure’s', () => {
    expect(sources.filter(({ text }) => JUDGES_TIME.test(text)).map(({ path }) => path)).toEqual([])
  })

  it('no test waits for a state only as long as an idle machine takes: `within` says how long', () => {
    expect(sources.filter(({ text }) => HURRIES.test(text)).map(({ path }) => path)).toEqual([])
  })
})
