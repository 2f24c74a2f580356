/** The store is away: nothing is issued, nothing is called valid, nobody waits, and all is well again when it is back. */

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'

import type { Clock } from '../../src/base/clock.ts'
import { type Answer, type OutageRequests, type Sends, startForOutage } from './outage-requests.ts'

const PATIENCE_MS = 3000

describe('an embedded file that cannot be written', () => {
  it('issues nothing, answers 503 in time, and goes on by itself', async () => {
    const clock = shiftedClock()
    const { app, requests } = await startForOutage({ clock })
    onTestFinished(() => app.close())
    const lock = new DatabaseSync(join(app.dataDir, 'grantor.db'))
    lock.exec('BEGIN IMMEDIATE')

    expect((await requests.machineToken()).status).toBe(200)
    const answers = await sendAll(requests.writes)
    expect(answers.map(refusalOf)).toEqual(answers.map(() => UNAVAILABLE))
    const { 'an authorization': authorization, 'the login form': login } = requests.pages
    for (const [name, { status, retryAfter }] of await sendAll({ authorization, login } as Sends)) {
      expect({ status, retryAfter }, name).toEqual({ status: 503, retryAfter: '2' })
    }
    expect((await requests.ready()).status).toBe(503)
    clock.moveSeconds(6)
    expect(refusalOf(['', await requests.machineToken()])).toEqual(UNAVAILABLE)
    await expectDocuments(requests)

    lock.exec('ROLLBACK')
    lock.close()
    await untilReady(requests)
    const well = await sendAll(requests.writes)
    expect(well.map(([name, { status }]) => [name, status < 300])).toEqual(well.map(([name]) => [name, true]))
  })
})

const UNAVAILABLE = { status: 503, retryAfter: '2', error: 'temporarily_unavailable' }

function refusalOf([, { status, retryAfter, text }]: readonly [string, Answer]) {
  return { status, retryAfter, error: (JSON.parse(text) as { error: string }).error }
}

/** All at once; whoever has to wait longer than anybody should fails the test. */
async function sendAll(sends: Sends): Promise<(readonly [string, Answer])[]> {
  return Promise.all(
    Object.entries(sends).map(async ([name, send]) => {
      const begun = performance.now()
      const answer = await send()
      expect(performance.now() - begun, name).toBeLessThan(PATIENCE_MS)
      return [name, answer] as const
    }),
  )
}

async function expectDocuments({ documents }: OutageRequests): Promise<void> {
  for (const [name, { status }] of await sendAll(documents)) expect(status, name).toBe(200)
}

async function untilReady({ ready }: OutageRequests): Promise<void> {
  await expect.poll(async () => (await ready()).status, { timeout: 5000, interval: 50 }).toBe(200)
}

/** The real time, and what was added to it. */
function shiftedClock(): Clock & { moveSeconds(seconds: number): void } {
  let shiftMs = 0
  return Object.assign(() => Date.now() + shiftMs, {
    moveSeconds(seconds: number) {
      shiftMs += seconds * 1000
    },
  })
}
