import { describe, expect, it } from 'vitest'

import { createHashQueue, type HashCaller, type HashQueueLimits } from '../../src/accounts/hash-queue.ts'
import { LoginsBusy } from '../../src/faults/sign-in.ts'

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

const stranger = (group: string): HashCaller => ({ group, isKnown: false })
const known = (group: string): HashCaller => ({ group, isKnown: true })

/** A queue whose only core is taken until `end`, and a record of who was served in which order. */
function heldQueue(limits: Partial<HashQueueLimits> = {}) {
  const queue = createHashQueue({ concurrent: 1, waiting: 8, ...limits })
  const { work, end } = heldWork()
  const first = queue.run(stranger('first'), work)
  const served: string[] = []
  const refused: string[] = []
  const calls: Promise<unknown>[] = [first]

  return {
    queue,
    served,
    refused,
    call(caller: HashCaller, times = 1): void {
      for (let time = 0; time < times; time += 1) {
        const done = queue.run(caller, async () => served.push(caller.group))
        calls.push(
          done.catch((error: unknown) => {
            expect(error).toBeInstanceOf(LoginsBusy)
            refused.push(caller.group)
          }),
        )
      }
    },
    async end(): Promise<void> {
      end()
      await Promise.all(calls)
    },
  }
}

describe('the queue of hashes', () => {
  it('[S125] lets so many run and so many wait, and refuses the rest', async () => {
    const queue = createHashQueue({ concurrent: 2, waiting: 6 })
    const { work, end, most } = heldWork()

    const calls = Array.from({ length: 500 }, () => queue.run(stranger('one network'), work))
    const outcomes = Promise.allSettled(calls)
    expect(queue.isFull(stranger('one network'))).toBe(true)
    end()

    const refused = (await outcomes).filter((outcome) => outcome.status === 'rejected')
    expect(refused).toHaveLength(495)
    for (const { reason } of refused) expect(reason).toBeInstanceOf(LoginsBusy)
    expect(most()).toBe(2)
  })

  it('lets in again as many as before, also after work that failed', async () => {
    const queue = createHashQueue({ concurrent: 1, waiting: 1 })
    const fail = () => queue.run(stranger('a'), () => Promise.reject(new Error('broken')))
    await expect(Promise.all([fail(), fail()])).rejects.toThrow('broken')
    await Promise.allSettled([fail(), fail()])

    const outcomes = await Promise.allSettled([1, 2, 3].map((n) => queue.run(stranger('a'), async () => n)))

    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect(queue.isFull(stranger('a'))).toBe(false)
  })

  it('takes the callers of one network in the order of arrival', async () => {
    const queue = createHashQueue({ concurrent: 1, waiting: 9 })
    const order: number[] = []

    await Promise.all([1, 2, 3, 4].map((n) => queue.run(stranger('a'), async () => order.push(n))))

    expect(order).toEqual([1, 2, 3, 4])
  })

  it('[A10] gives the networks turns, however many callers each has', async () => {
    const held = heldQueue()
    held.call(stranger('crowd'), 4)
    held.call(stranger('ana'))
    held.call(stranger('ben'))

    await held.end()

    expect(held.served).toEqual(['crowd', 'ana', 'ben', 'crowd', 'crowd', 'crowd'])
  })

  it('[A10] keeps half of the places from any one network', async () => {
    const held = heldQueue({ waiting: 8 })
    held.call(stranger('crowd'), 100)
    expect(held.queue.isFull(stranger('crowd'))).toBe(true)
    expect(held.queue.isFull(stranger('ana'))).toBe(false)
    held.call(stranger('ana'))

    await held.end()

    expect(held.served.filter((group) => group === 'crowd')).toHaveLength(4)
    expect(held.refused).not.toContain('ana')
  })

  it('[A10] takes a place of the network that has most for one that has fewer, when all are taken', async () => {
    const held = heldQueue({ waiting: 8 })
    held.call(stranger('crowd'), 4)
    held.call(stranger('mob'), 4)
    held.call(stranger('ana'))

    await held.end()

    expect(held.served).toContain('ana')
    expect(held.served).toHaveLength(8)
    expect(held.refused).toHaveLength(1)
  })

  it('[A10] keeps places for known devices, of which one account has no more than two', async () => {
    const held = heldQueue({ waiting: 8 })
    for (let network = 0; network < 50; network += 1) held.call(stranger(`network ${network}`), 4)
    expect(held.queue.isFull(stranger('another'))).toBe(true)
    held.call(known('usr_mallory'), 10)
    held.call(known('usr_ana'))

    await held.end()

    // Ana's call took one of Mallory's two places, and was served in its turn with the strangers'.
    expect(held.served.filter((group) => group.startsWith('usr_')).toSorted()).toEqual(['usr_ana', 'usr_mallory'])
    expect(held.served.indexOf('usr_ana')).toBeLessThan(4)
  })
})
