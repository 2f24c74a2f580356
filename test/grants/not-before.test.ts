import { describe, expect, it } from 'vitest'

import { epochSeconds } from '../../src/base/clock.ts'
import { keys } from '../../src/store/keys.ts'
import { openTestStore } from '../support/embedded-store.ts'
import { movableClock } from '../support/movable-clock.ts'
import { openRevocation, withVerb } from '../revocation/open-revocation.ts'

const DAY = 86_400
const YEAR = 365 * DAY

async function opened() {
  const clock = movableClock()
  const store = await openTestStore(clock)
  const open = (longestSeconds: number) => openRevocation(store, clock, { longestSeconds })
  const stored = async () => Object.keys(JSON.parse((await store.get(keys.notBefore()))?.value ?? '{}').clients)
  const pass = (seconds: number) => clock.moveSeconds(seconds)
  /** A server or a command whose clock is ahead, and which knows it from the others. */
  const openAhead = (longestSeconds: number, seconds: number) => {
    const status = () => ({ ...store.status(), clockAheadMs: seconds * 1000 })
    return openRevocation(withVerb(store, 'status', status), () => clock() + seconds * 1000, { longestSeconds })
  }
  return { open, openAhead, stored, pass, now: () => epochSeconds(clock) }
}

describe('the moments that end what clients hold', () => {
  it('go from the record when nothing from before them can be alive', async () => {
    const { open, stored, pass } = await opened()
    const { revocation } = await open(YEAR)
    await revocation.endClients(['a', 'b'], 'client_removed')

    pass(YEAR)
    await revocation.endClient('c', 'client_removed')
    expect(await stored()).toEqual(['a', 'b', 'c'])

    pass(2 * DAY)
    await revocation.endClient('d', 'client_removed')
    expect(await stored()).toEqual(['c', 'd'])
  })

  it('stay for as long as anything lives that some server has issued, whatever the others would issue', async () => {
    const { open, pass, now } = await opened()
    await open(YEAR)
    const { revocation } = await open(30 * DAY)
    const issuedAt = now()
    await revocation.endClient('a', 'client_removed')

    pass(YEAR)
    await revocation.endClient('b', 'client_removed')

    expect(revocation.hasEnded({ clientId: 'a', issuedAt })).toBe(true)
    expect((await open(30 * DAY)).revocation.hasEnded({ clientId: 'a', issuedAt })).toBe(true)
  })

  it('[B4] stay when another client is ended from a machine whose clock is years ahead', async () => {
    const { open, openAhead, stored, now } = await opened()
    const { revocation } = await open(YEAR)
    const issuedAt = now()
    await revocation.endClient('a', 'client_removed')

    const wrong = await openAhead(YEAR, 3 * YEAR)
    await wrong.revocation.endClient('b', 'client_removed')

    expect(await stored()).toEqual(['a', 'b'])
    expect((await open(YEAR)).revocation.hasEnded({ clientId: 'a', issuedAt })).toBe(true)
  })

  it('go from the record when a later moment ends everything', async () => {
    const { open, stored, pass, now } = await opened()
    const { revocation } = await open(YEAR)
    await revocation.endClient('a', 'client_removed')
    const issuedAt = now()

    pass(60)
    await revocation.endEverything(undefined, 'store_set_back')

    expect(await stored()).toEqual([])
    expect(revocation.hasEnded({ clientId: 'a', issuedAt })).toBe(true)
  })

  it('are known to a server that starts later, of every client that ended', async () => {
    const { open, now } = await opened()
    const { revocation } = await open(YEAR)
    const issuedAt = now()
    const ids = Array.from({ length: 500 }, (_, at) => `client-${at}`)
    await revocation.endClients(ids, 'client_removed')

    const later = (await open(YEAR)).revocation

    expect(ids.filter((clientId) => !later.hasEnded({ clientId, issuedAt }))).toEqual([])
    expect(later.hasEnded({ clientId: 'another', issuedAt })).toBe(false)
  })
})
