import { describe, expect, it } from 'vitest'

import { TooManyAttempts } from '../../src/faults/sign-in.ts'
import { StoreUnavailable } from '../../src/faults/store.ts'
import { createLimiter, type Rule } from '../../src/limits/limiter.ts'
import { openTestStore, openTestStores } from '../support/embedded-store.ts'
import { movableClock } from '../support/movable-clock.ts'

const STORE_KEY = Buffer.alloc(32, 5)
const RULE: Rule = { name: 'knock', attempts: 5, windowSeconds: 60 }

describe('limiter', () => {
  it('lets as many attempts through as the rule says and tells the next one how long to wait', async () => {
    const clock = movableClock()
    const limiter = createLimiter({ store: await openTestStore(clock), clock, storeKey: STORE_KEY })
    for (let attempt = 0; attempt < 5; attempt += 1) await limiter.hit(RULE, 'ana')
    clock.moveSeconds(20)

    await expect(limiter.hit(RULE, 'ana')).rejects.toMatchObject({
      code: 'too_many_attempts',
      retryAfterSeconds: 40,
      refusedBefore: 0,
    })
    await expect(limiter.hit(RULE, 'ana')).rejects.toMatchObject({ refusedBefore: 1 })
    await expect(limiter.hit(RULE, 'ben')).resolves.toBeUndefined()
  })

  it('[S121] lets no more through of two hundred that arrive together on two nodes', async () => {
    const clock = movableClock()
    const stores = await openTestStores(clock, 2)
    const limiters = stores.map((store) => createLimiter({ store, clock, storeKey: STORE_KEY }))

    const hits = Array.from({ length: 100 }, () => limiters.map((limiter) => limiter.hit(RULE, 'ana'))).flat()
    const outcomes = await Promise.allSettled(hits)

    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(outcomes).toHaveLength(200)
    expect(refused).toHaveLength(195)
    for (const { reason } of refused) expect(reason).toBeInstanceOf(TooManyAttempts)
  })

  it('[A6] lets nothing through when the store does not answer, and counts by all limits or by none', async () => {
    const clock = movableClock()
    const store = await openTestStore(clock)
    const limiter = createLimiter({ store, clock, storeKey: STORE_KEY })
    const other: Rule = { ...RULE, name: 'ring' }
    const both = [
      { rule: RULE, subject: 'ana' },
      { rule: other, subject: 'ana' },
    ]
    for (let attempt = 0; attempt < 5; attempt += 1) await limiter.hit(other, 'ana')
    for (let attempt = 0; attempt < 10; attempt += 1) {
      await expect(limiter.hitAll(both)).rejects.toMatchObject({ rule: 'ring' })
    }
    for (let attempt = 0; attempt < 5; attempt += 1) await limiter.hit(RULE, 'ana')

    await store.close()

    await expect(limiter.hitAll(both)).rejects.toThrow(StoreUnavailable)
    await expect(limiter.giveBack(both)).rejects.toThrow(StoreUnavailable)
  })

  it('counts the window from the first attempt, whatever is tried meanwhile', async () => {
    const clock = movableClock()
    const limiter = createLimiter({ store: await openTestStore(clock), clock, storeKey: STORE_KEY })
    for (let attempt = 0; attempt < 10; attempt += 1) await limiter.hit(RULE, 'ana').catch(() => undefined)
    clock.moveSeconds(59)
    await expect(limiter.hit(RULE, 'ana')).rejects.toMatchObject({ retryAfterSeconds: 1 })

    clock.moveSeconds(2)

    await expect(limiter.hit(RULE, 'ana')).resolves.toBeUndefined()
  })

  it('starts again from zero when told to forget', async () => {
    const clock = movableClock()
    const limiter = createLimiter({ store: await openTestStore(clock), clock, storeKey: STORE_KEY })
    for (let attempt = 0; attempt < 5; attempt += 1) await limiter.hit(RULE, 'ana')

    await limiter.forget(RULE, 'ana')

    await expect(limiter.hit(RULE, 'ana')).resolves.toBeUndefined()
  })
})
