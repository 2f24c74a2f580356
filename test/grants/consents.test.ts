import { describe, expect, it } from 'vitest'

import { createConsents } from '../../src/grants/consents.ts'
import type { Store } from '../../src/store/store.ts'
import { openTestStore } from '../support/embedded-store.ts'
import { movableClock } from '../support/movable-clock.ts'
import { openRevocation, withVerb } from '../revocation/open-revocation.ts'

const READ = { scopes: ['openid'], apis: { 'https://orders.example': ['orders:read'] } }
const WRITE = { scopes: ['openid'], apis: { 'https://orders.example': ['orders:write'] } }

describe('what a person agreed to', () => {
  it('is added to', async () => {
    const { consents } = await aMemory()
    await consents.rememberConsent('usr_ana', 'app', READ)
    await consents.rememberConsent('usr_ana', 'app', WRITE)

    const { apis } = (await consents.findConsent('usr_ana', 'app')) ?? {}

    expect(apis).toEqual({ 'https://orders.example': ['orders:read', 'orders:write'] })
  })

  it('stays taken back, also where another answer was being added to it at that moment', async () => {
    const { store, consents, remembering, takeBack } = await aMemory()
    await consents.rememberConsent('usr_ana', 'app', WRITE)
    let isTakenBack = false
    // Between the answer's read and its write.
    const slow = withVerb(store, 'put', async (...put) => {
      if (!isTakenBack) await takeBack()
      isTakenBack = true
      return store.put(...put)
    })

    await remembering(slow).rememberConsent('usr_ana', 'app', READ)

    expect((await consents.findConsent('usr_ana', 'app'))?.apis).toEqual(READ.apis)
  })
})

async function aMemory() {
  const clock = movableClock()
  const store = await openTestStore(clock)
  const { notBefore, revocation } = await openRevocation(store, clock)
  const remembering = (on: Store) => createConsents({ store: on, clock, notBefore, ttlSeconds: 3600 })
  return {
    store,
    remembering,
    consents: remembering(store),
    takeBack: () => revocation.endConsent('usr_ana', 'app'),
  }
}
