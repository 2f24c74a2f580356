import { describe, expect, it } from 'vitest'

import { createTurnstile } from '../../src/accounts/turnstile.ts'
import { LoginsBusy } from '../../src/base/faults.ts'

/** Work that goes on until the test lets it end. */
function heldWork() {
  const held = Promise.withResolvers<void>()
  let running = 0
  let most = 0
  return {
    end: () => held.resolve(),
    most: () => most,
    work: async () => {
      running += 1
      most = Math.max(most, running)
      await held.promise
      running -= 1
      return 'done'
    },
  }
}

describe('turnstile', () => {
  it('[S125] lets so many run and so many wait, and sends the rest away', async () => {
    const turnstile = createTurnstile({ concurrent: 2, waiting: 3 })
    const { work, end, most } = heldWork()

    const calls = Array.from({ length: 500 }, () => turnstile.pass(work))
    const outcomes = Promise.allSettled(calls)
    expect(turnstile.isFull()).toBe(true)
    end()

    const refused = (await outcomes).filter((outcome) => outcome.status === 'rejected')
    expect(refused).toHaveLength(495)
    for (const { reason } of refused) expect(reason).toBeInstanceOf(LoginsBusy)
    expect(most()).toBe(2)
  })

  it('lets in again as many as before, also after work that failed', async () => {
    const turnstile = createTurnstile({ concurrent: 1, waiting: 1 })
    const fail = () => turnstile.pass(() => Promise.reject(new Error('broken')))
    await expect(Promise.all([fail(), fail()])).rejects.toThrow('broken')
    await Promise.allSettled([fail(), fail()])

    const outcomes = await Promise.allSettled([1, 2, 3].map((n) => turnstile.pass(async () => n)))

    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect(turnstile.isFull()).toBe(false)
  })

  it('takes turns in the order of arrival', async () => {
    const turnstile = createTurnstile({ concurrent: 1, waiting: 9 })
    const order: number[] = []

    await Promise.all([1, 2, 3, 4].map((n) => turnstile.pass(async () => order.push(n))))

    expect(order).toEqual([1, 2, 3, 4])
  })
})
