import { describe, expect, it } from 'vitest'

import { createAudit } from '../../src/audit/audit.ts'
import { createLog } from '../../src/audit/log.ts'
import { openTestStore, openTestStores } from '../support/embedded-store.ts'
import { movableClock } from '../support/movable-clock.ts'

function logInto(lines: string[]) {
  return createLog({ level: 'debug', destination: { write: (line: string) => lines.push(line) } })
}

describe('audit', () => {
  it('keeps who, what, when, from where and how it ended, in order', async () => {
    const clock = movableClock(Date.UTC(2030, 0, 1))
    const audit = createAudit({ store: await openTestStore(clock), clock, log: logInto([]) })
    audit.record('login.failed', { subject: 'usr_1', address: '192.0.2.1', outcome: 'failure', reason: 'wrong' })
    await audit.settled()
    clock.moveSeconds(1)
    audit.record('login.succeeded', { subject: 'usr_1', clientId: undefined, outcome: 'success' })
    await audit.settled()

    const entries = await audit.read(undefined, 10)

    expect(entries.map((entry) => entry.record)).toEqual([
      {
        event: 'login.failed',
        at: '2030-01-01T00:00:00.000Z',
        subject: 'usr_1',
        address: '192.0.2.1',
        outcome: 'failure',
        reason: 'wrong',
      },
      { event: 'login.succeeded', at: '2030-01-01T00:00:01.000Z', subject: 'usr_1', outcome: 'success' },
    ])
  })

  it('is read a page at a time, on every node', async () => {
    const clock = movableClock()
    const [one, two] = (await openTestStores(clock, 2)).map((store) => createAudit({ store, clock, log: logInto([]) }))
    for (const subject of ['a', 'b', 'c']) {
      one?.record('account.created', { subject })
      await one?.settled()
    }

    const first = (await two?.read(undefined, 2)) ?? []
    const rest = (await two?.read(first.at(-1)?.cursor, 2)) ?? []

    expect([...first, ...rest].map((entry) => entry.record.subject)).toEqual(['a', 'b', 'c'])
    expect(rest).toHaveLength(1)
  })

  it('forgets an event after its time', async () => {
    const clock = movableClock()
    const audit = createAudit({ store: await openTestStore(clock), clock, log: logInto([]), keepSeconds: 60 })
    audit.record('session.ended')
    await audit.settled()

    clock.moveSeconds(61)

    expect(await audit.read(undefined, 10)).toEqual([])
  })

  it('puts an event that the store does not take into the log, and fails no request', async () => {
    const clock = movableClock()
    const lines: string[] = []
    const store = await openTestStore(clock)
    const audit = createAudit({ store, clock, log: logInto(lines) })
    await store.close()

    audit.record('grant.ended', { subject: 'usr_1', grantId: 'g1', reason: 'logout' })
    await audit.settled()

    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'error', audit: { event: 'grant.ended', subject: 'usr_1', grantId: 'g1', reason: 'logout' } },
    ])
  })

  it('[S148] stores one line of plain characters, whatever a stranger sends, and never a long one', async () => {
    const clock = movableClock()
    const store = await openTestStore(clock)
    const audit = createAudit({ store, clock, log: logInto([]) })
    const hostile = `a\r\nb\u001b[31mc\u2028d\u202ee\u009b31m","event":"login.succeeded${'x'.repeat(5000)}`

    audit.record('client.authentication_failed', { clientId: hostile })
    await audit.settled()

    const [line] = await store.read('audit', undefined, 1)
    expect(line?.value).toMatch(/^[\x20-\x7e]{1,500}$/)
    const [entry] = await audit.read(undefined, 1)
    expect(entry?.record).toMatchObject({ event: 'client.authentication_failed', clientId: hostile.slice(0, 256) })
  })
})
