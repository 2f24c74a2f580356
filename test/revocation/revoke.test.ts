import { describe, expect, it, vi } from 'vitest'

import type { Revocation } from '../../src/revocation/revoke.ts'
import { epochSeconds } from '../../src/base/clock.ts'
import { keys, logs } from '../../src/store/keys.ts'
import type { Store } from '../../src/store/store.ts'
import { openTestStore, openTestStores } from '../support/embedded-store.ts'
import { movableClock } from '../support/movable-clock.ts'
import { openRevocation, aGrant, KEEP_SECONDS, withVerb } from './open-revocation.ts'
import { within } from '../support/figures.ts'

const SESSION = { accountId: 'usr_ana', loginTs: 1, exp: 9_999_999_999 }

describe('an ending', () => {
  type Ending = [name: string, end: (revocation: Revocation) => Promise<void>, entry: object]
  const endings: Ending[] = [
    ['of a grant', (revocation) => revocation.endGrant('g1', 'grant_ended_by_operator'), { gid: 'g1' }],
    ['of a consent', (revocation) => revocation.endConsent('usr_ana', 'app'), { gid: 'g1' }],
    ['of an account', (revocation) => revocation.endAccount('usr_ana', 'account_ended_by_operator'), { gid: 'g1' }],
  ]

  it.each(endings)(
    '%s that is cut off between entry and removal is made whole by asking again',
    async (_, end, entry) => {
      const clock = movableClock()
      const store = await openTestStore(clock)
      const token = await aGrant(store, 'g1')
      const cutOff = withVerb(store, 'removeMembers', () => Promise.reject(new Error('cut off')))

      await expect(end((await openRevocation(cutOff, clock)).revocation)).rejects.toThrow('cut off')

      // The verifiers know already; here the grant is still found, and no answer said that it has ended.
      expect(await entries(store)).toEqual([entry])
      expect(await store.get(token)).toBeDefined()

      await end((await openRevocation(store, clock)).revocation)

      // Again, for the tokens that were issued in between.
      expect(await entries(store)).toEqual([entry, entry])
      expect(await store.get(token)).toBeUndefined()
      expect(await store.get(keys.grant('g1'))).toBeUndefined()
      expect(await store.members(keys.accountGrants('usr_ana'))).toEqual([])
    },
  )

  it.each(endings)('%s that was cut off covers what was issued until it was asked for again', async (_, end) => {
    const clock = movableClock()
    const store = await openTestStore(clock)
    await aGrant(store, 'g1')
    const cutOff = withVerb(store, 'removeMembers', () => Promise.reject(new Error('cut off')))
    await expect(end((await openRevocation(cutOff, clock)).revocation)).rejects.toThrow('cut off')
    clock.moveSeconds(KEEP_SECONDS - 60)
    const issuedAt = epochSeconds(clock)

    await end((await openRevocation(store, clock)).revocation)

    clock.moveSeconds(300)
    const { revocationLog } = await openRevocation(store, clock)
    expect(revocationLog.covers({ gid: 'g1', iat: issuedAt })).toBe(true)
  })

  it.each(endings)('%s removes nothing as long as the entry cannot be written', async (_, end) => {
    const clock = movableClock()
    const store = await openTestStore(clock)
    const token = await aGrant(store, 'g1')
    const mute = withVerb(store, 'append', () => Promise.reject(new Error('cut off')))

    await expect(end((await openRevocation(mute, clock)).revocation)).rejects.toThrow('cut off')

    expect(await store.get(token)).toBeDefined()
    expect(await store.get(keys.grant('g1'))).toBeDefined()
  })

  it('of a session takes along what was to end with it, and leaves what was granted for offline access', async () => {
    const clock = movableClock()
    const store = await openTestStore(clock)
    const { revocation } = await openRevocation(store, clock)
    const [bound, offline] = [await aGrant(store, 'g1'), await aGrant(store, 'g2', 'usr_ana', 'mail')]
    const authorizations = { app: { grantId: 'g1' }, mail: { grantId: 'g2', persistsLogout: true } }
    await store.put(keys.session('s1'), JSON.stringify({ ...SESSION, authorizations }), { ttlSeconds: 60 })

    await revocation.endSession('s1', 'logout')

    expect((await entries(store)).map(Object.keys)).toEqual([['sid']])
    expect(await store.get(keys.session('s1'))).toBeUndefined()
    expect([await store.get(bound), await store.get(keys.grant('g1'))]).toEqual([undefined, undefined])
    expect(await store.get(offline)).toBeDefined()
  })

  it('of an account spares a session in which another person has signed in since', async () => {
    const clock = movableClock()
    const store = await openTestStore(clock)
    const { revocation } = await openRevocation(store, clock)
    for (const [uid, accountId] of [
      ['s1', 'usr_ana'],
      ['s2', 'usr_ben'],
    ] as const) {
      await store.put(keys.session(uid), JSON.stringify({ ...SESSION, accountId }), { ttlSeconds: 60 })
      await store.link(keys.accountSessions('usr_ana'), uid, 60)
    }

    await revocation.endAccount('usr_ana', 'account_disabled')

    expect(await store.get(keys.session('s1'))).toBeUndefined()
    expect(await store.get(keys.session('s2'))).toBeDefined()
  })

  it('[B18] of a token is told until no verifier can accept it any more, whatever this clock says', async () => {
    const clock = movableClock()
    const store = await openTestStore(clock)
    const { revocation } = await openRevocation(store, clock)
    const now = epochSeconds(clock)

    await revocation.endToken({ jti: 'j1', expiresAt: now + 100 }, 'access_token_revoked')
    await revocation.endToken({ jti: 'j2', expiresAt: now - 700 }, 'access_token_revoked')

    // 60 s that a verifier may allow, and 15 min by which this clock may be wrong.
    expect(await entries(store, 'exp')).toEqual([
      { jti: 'j1', exp: now + 100 + 960 },
      { jti: 'j2', exp: now + 960 },
    ])
  })
})

describe('a moment before which nothing counts', () => {
  it('ends what was issued until it by any node, a little ahead of time or not, and on every node', async () => {
    const clock = movableClock()
    const [first, second] = (await openTestStores(clock, 2)) as [Store, Store]
    const [here, there] = [await openRevocation(first, clock), await openRevocation(second, clock)]
    const now = epochSeconds(clock)

    await here.revocation.endClient('app', 'client_ended_by_operator')

    const judge = ({ revocation }: typeof here) =>
      [now - 1, now, now + 15, now + 16].map((issuedAt) => revocation.hasEnded({ clientId: 'app', issuedAt }))
    expect(judge(here)).toEqual([true, true, true, false])
    await vi.waitFor(() => expect(judge(there)).toEqual([true, true, true, false]), within(1000))
    expect(here.revocation.hasEnded({ clientId: 'other', issuedAt: 0 })).toBe(false)
    expect(here.revocation.hasEnded({ clientId: 'app', issuedAt: undefined })).toBe(true)
  })

  it('is known to a node that starts long after its entry was forgotten', async () => {
    const clock = movableClock()
    const store = await openTestStore(clock)
    const issuedAt = epochSeconds(clock)
    const { revocation } = await openRevocation(store, clock)
    await revocation.endClient('app', 'client_removed')
    await revocation.endEverything(issuedAt - 100, 'everything_ended_by_operator')

    // As long as what is issued until the moment lives, and that lies 16 s ahead.
    clock.moveSeconds(KEEP_SECONDS + 16)

    expect(await store.read(logs.revocations, undefined, 10)).toEqual([])
    const later = (await openRevocation(store, clock)).revocation
    expect(later.hasEnded({ clientId: 'app', issuedAt })).toBe(true)
    expect(later.hasEnded({ clientId: 'other', issuedAt })).toBe(false)
    expect(later.hasEnded({ clientId: 'other', issuedAt: issuedAt - 101 })).toBe(true)
  })

  it('never moves back, whichever node writes last', async () => {
    const clock = movableClock()
    const stores = await openTestStores(clock, 3)
    const nodes = await Promise.all(stores.map((store) => openRevocation(store, clock)))
    const now = epochSeconds(clock)

    await Promise.all([
      ...nodes.map(({ notBefore }, at) => notBefore.raise(now - 1000 - at * 100)),
      ...nodes.map(({ notBefore }, at) => notBefore.raise(now - at * 100, 'app')),
      ...nodes.map(({ notBefore }, at) => notBefore.raise(now, `client-${at}`)),
    ])
    await nodes[2]?.notBefore.raise(now - 5000)

    const { value } = (await stores[0]?.get(keys.notBefore())) ?? { value: '{}' }
    expect(JSON.parse(value)).toMatchObject({
      everything: now - 1000,
      clients: { app: now, 'client-0': now, 'client-1': now, 'client-2': now },
    })
  })
})

/** What stands in the log: what is named, and `also`. */
async function entries(store: Store, ...also: string[]): Promise<object[]> {
  const all = await store.read(logs.revocations, undefined, 100)
  return all.map(({ value }) => {
    const named = Object.entries(JSON.parse(value) as object).filter(
      ([name]) => also.includes(name) || !['at', 'exp', 'of'].includes(name),
    )
    return Object.fromEntries(named) as object
  })
}
