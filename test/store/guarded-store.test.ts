import { describe, expect, it } from 'vitest'

import { GuardedStore } from '../../src/store/identity/guarded-store.ts'
import { findIdentity, newIdentity, openIdentity } from '../../src/store/identity/identity.ts'
import { keys } from '../../src/store/keys.ts'
import { ProgressMarks } from '../../src/store/identity/progress.ts'
import { changeSince } from '../../src/store/identity/store-loss.ts'
import type { Key, Store } from '../../src/store/store.ts'
import { openTestStore, openTestStores } from '../support/embedded-store.ts'
import { movableClock } from '../support/movable-clock.ts'

const KEY: Key = 'kind:{aa}:key'

describe('the identity of a store', () => {
  it('[B19] is made once, however many servers open an empty store together', async () => {
    const clock = movableClock()
    const stores = await openTestStores(clock, 3)

    const identities = await Promise.all(stores.map((store) => openIdentity(store, clock)))

    expect(new Set(identities.map(({ id }) => id)).size).toBe(1)
  })

  it.each(['restoring', 'moved'] as const)('in the state %s keeps a server from starting', async (state) => {
    const clock = movableClock()
    const store = await openTestStore(clock)
    await store.put(keys.identity(), JSON.stringify(newIdentity(clock, { origin: 'restored', state })))

    await expect(openIdentity(store, clock)).rejects.toMatchObject({ code: 'store_refused' })
  })
})

describe('a guarded store', () => {
  it('[B19] that was emptied answers nothing any more, and says so', async () => {
    const { inner, store } = await aGuarded()
    await store.put(KEY, 'x')
    await inner.remove([keys.identity(), keys.progress(), KEY])

    await store.beat()

    expect(store.status()).toMatchObject({ ready: false, lost: true, problem: expect.stringContaining('emptied') })
    await expect(store.put(KEY, 'x')).rejects.toMatchObject({ code: 'store_unavailable' })
    await expect(store.get(KEY)).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(await store.lost).toMatchObject({ kind: 'emptied' })
  })

  it('[B19] that is lost refuses every verb', async () => {
    const { inner, store } = await aGuarded()
    await inner.remove([keys.identity()])
    await store.beat()
    const notVerbs = [
      'constructor',
      'mustWait',
      'identify',
      'watch',
      'lapseMs',
      'onLapse',
      'onMark',
      'beat',
      'lost',
      'follow',
      'status',
      'close',
    ]
    const verbs = Object.getOwnPropertyNames(GuardedStore.prototype).filter((name) => !notVerbs.includes(name))

    for (const verb of verbs as 'get'[]) {
      await expect(store[verb](KEY), verb).rejects.toMatchObject({ code: 'store_unavailable' })
    }
    expect(verbs.length).toBeGreaterThan(14)
  })

  it('[B7] that holds another identity is lost', async () => {
    const { inner, store, clock } = await aGuarded()
    await inner.put(keys.identity(), JSON.stringify(newIdentity(clock, { origin: 'new', state: 'open' })))

    await store.beat()

    expect(await store.lost).toMatchObject({ kind: 'replaced' })
  })

  it('[B11] whose progress mark is far lower than it was, was set back', async () => {
    const { inner, store, monotonic } = await aGuarded()
    for (let beat = 0; beat < 6; beat++) {
      monotonic.moveSeconds(1)
      await store.beat()
    }
    await inner.remove([keys.progress()])

    await store.beat()

    expect(await store.lost).toMatchObject({ kind: 'set_back' })
  })

  it('whose last second a crash has lost continues, and says that something was lost', async () => {
    const { inner, store, monotonic } = await aGuarded({ lapseMs: 3000 })
    let lapses = 0
    store.onLapse(() => {
      lapses += 1
    })
    for (let beat = 0; beat < 3; beat++) {
      monotonic.moveSeconds(1)
      await store.beat()
    }
    await inner.remove([keys.progress()])
    await inner.put(keys.progress(), '')
    await inner.put(keys.progress(), '')

    await store.beat()

    expect(lapses).toBe(1)
    expect(store.status()).toMatchObject({ ready: true })
  })

  it('that does not answer is only away', async () => {
    const { inner, store } = await aGuarded()
    await inner.close()

    await store.beat()

    expect(store.status().lost).toBeUndefined()
  })
})

describe('progress marks', () => {
  it.each([
    [10, 'forward'],
    [9, 'lapse'],
    [7, 'lapse'],
    [6, 'set_back'],
    [0, 'set_back'],
  ] as const)('judge %i after ten marks in ten seconds: %s', (mark, judged) => {
    const marks = new ProgressMarks(3000)
    for (let second = 1; second <= 10; second++) marks.note(second, second * 1000)

    expect(marks.judge(mark)).toBe(judged)
  })
})

describe('what follows from another store', () => {
  const seen = { id: 'a', epoch: 1, mark: 50 }
  const identity = { id: 'a', epoch: 1, madeAt: 1000, origin: 'new', state: 'open' } as const

  it.each([
    ['the same store', identity, 50, undefined],
    ['an earlier state', identity, 10, { kind: 'set_back', id: 'a', epoch: 1 }],
    ['an earlier state that another server has dealt with', { ...identity, epoch: 2 }, 10, undefined],
    ['a new store', { ...identity, id: 'b' }, 0, { kind: 'replaced', before: 1000 }],
    ['a restored store', { ...identity, id: 'b', origin: 'restored' } as const, 0, undefined],
  ])('%s', (_, found, mark, change) => {
    expect(changeSince(found, mark, seen)).toEqual(change)
  })
})

async function aGuarded({ lapseMs = 0 } = {}) {
  const [clock, monotonic] = [movableClock(), movableClock()]
  const inner: Store = Object.assign(await openTestStore(clock), { lapseMs })
  const store = new GuardedStore(inner, { clock, monotonic })
  await store.identify()
  await store.watch()
  expect(await findIdentity(inner)).toBeDefined()
  return { inner, store, clock, monotonic }
}
