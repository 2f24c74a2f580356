import { describe, expect, it } from 'vitest'

import { LOG_EVENTS } from '../../src/audit/log-events.ts'
import { readSources } from '../house/rules/source.ts'
import { ROOT } from '../house/root.ts'

const SOURCES = readSources(ROOT).filter(({ path }) => path !== 'audit/log-events.ts')
const EVENTS = Object.entries(LOG_EVENTS)

// The type of `Log.event` refuses a name that is not in the list.
describe('the list of log events', () => {
  it.each(EVENTS)('has %s, which a source writes', (name) => {
    expect(SOURCES.filter(({ text }) => text.includes(`'${name}'`)).map(({ path }) => path)).not.toEqual([])
  })

  it.each(EVENTS)('has a whole sentence for %s', (_, [, sentence]) => {
    expect(sentence).toMatch(/^[A-Za-z].*\.$/)
  })
})

describe('the log', () => {
  it('is the only part that knows pino', () => {
    const users = SOURCES.filter(({ text }) => /from 'pino'/.test(text)).map(({ path }) => path)

    expect(users).toEqual(['audit/log.ts'])
  })
})
