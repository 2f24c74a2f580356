import { describe, expect, it, onTestFinished, vi } from 'vitest'

import { createLog } from '../../src/audit/log.ts'
import { StoreUnavailable } from '../../src/faults/store.ts'
import { startRotation } from '../../src/jobs/rotation.ts'
import type { Outcome } from '../../src/keyring/keyring.ts'
import { aNode, keyIds, OVERLAP_SECONDS } from '../keyring/one-node.ts'
import { openTestStore } from '../support/embedded-store.ts'
import { movableClock } from '../support/movable-clock.ts'
import { within } from '../support/figures.ts'

function aLog() {
  const lines: string[] = []
  return { lines, log: createLog({ level: 'debug', destination: { write: (line) => lines.push(line) } }) }
}

describe('the key schedule', () => {
  it('[S95] takes the steps that are due, and says so', async () => {
    const clock = movableClock()
    const keyring = await aNode(await openTestStore(clock), clock)
    const next = keyIds((await keyring.rotate('ES256')).keyring, 'next')
    const { log, lines } = aLog()
    onTestFinished(startRotation({ keyring, log, everyMs: 5 }))

    clock.moveSeconds(OVERLAP_SECONDS)

    await vi.waitFor(() => expect(keyIds(keyring.current(), 'signing', 'ES256')).toEqual(next), within(1000))
    await vi.waitFor(() => expect(lines.join('')).toContain('keyring.key_signing'), within(1000))
  })

  it('stops after the step under way, however many looks a slow store has cost', async () => {
    const gate = Promise.withResolvers<void>()
    let looks = 0
    const advance = async (): Promise<Outcome> => {
      looks += 1
      await gate.promise
      throw new StoreUnavailable()
    }
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const stop = startRotation({ keyring: { advance }, log: createLog({ level: 'silent' }), everyMs: 1000 })

    vi.advanceTimersByTime(60_000)
    gate.resolve()
    await stop()

    expect(looks).toBe(1)
  })

  it.each([
    ['logs why', new Error('broken'), ['key_ring_step_failed']],
    ['leaves it to the watch of the store to log an outage', new StoreUnavailable(), []],
  ])('continues after a look that failed, and %s', async (_what, failure, events) => {
    let looks = 0
    const advance = async (): Promise<Outcome> => {
      looks += 1
      throw failure
    }
    const { log, lines } = aLog()
    const stop = startRotation({ keyring: { advance }, log, everyMs: 1 })

    await vi.waitFor(() => expect(looks).toBeGreaterThan(2), within(1000))
    await stop()

    expect([...new Set(lines.map((line) => (JSON.parse(line) as { event: string }).event))]).toEqual(events)
  })
})
