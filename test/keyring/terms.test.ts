import { describe, expect, it } from 'vitest'

import { longest, noteTerm, type Term } from '../../src/keyring/ring/terms.ts'

const MARGIN = 5

/** What stands there after each promise, repeated once a second from `from` on by the node that promises it. */
function promise(terms: readonly Term[], seconds: readonly number[], from: number, to: number): Term[] {
  let current = [...terms]
  for (let now = from; now < to; now++) for (const one of seconds) current = noteTerm(current, one, now, MARGIN)
  return current
}

describe('a term', () => {
  it('stands alone while every node promises the same', () => {
    const terms = noteTerm([], 60, 0, MARGIN)

    expect(terms).toEqual([{ seconds: 60 }])
    expect(promise(terms, [60], 1, 1000)).toEqual(terms)
  })

  it('that was shortened binds until everything issued under it has ended', () => {
    const shortened = noteTerm([{ seconds: 100 }], 10, 1000, MARGIN)

    expect(longest(promise(shortened, [10], 1001, 1105))).toBe(100)
    expect(promise(shortened, [10], 1001, 1106)).toEqual([{ seconds: 10 }])
  })

  it('that was shortened twice binds as long as each of the longer ones does', () => {
    const once = noteTerm([{ seconds: 100 }], 50, 1000, MARGIN)
    const twice = noteTerm(promise(once, [50], 1000, 1090), 10, 1090, MARGIN)

    expect(longest(promise(twice, [10], 1090, 1105))).toBe(100)
    expect(longest(promise(twice, [10], 1090, 1106))).toBe(50)
    expect(longest(promise(twice, [10], 1090, 1145))).toBe(50)
    expect(longest(promise(twice, [10], 1090, 1146))).toBe(10)
  })

  it('that is longer binds from its first use', () => {
    expect(longest(noteTerm([{ seconds: 10 }], 100, 0, MARGIN))).toBe(100)
  })

  it('binds for as long as one of two nodes that never agree promises it', () => {
    let terms: Term[] = []
    for (let now = 0; now < 2000; now++) {
      terms = noteTerm(noteTerm(terms, 100, now, MARGIN), 10, now, MARGIN)
      expect(longest(terms)).toBe(100)
    }

    expect(promise(terms, [10], 2000, 2210)).toEqual([{ seconds: 10 }])
  })

  it('is written again only now and then by two nodes that never agree', () => {
    let terms: Term[] = []
    let writes = 0
    for (let now = 0; now < 2000; now++) {
      for (const seconds of [100, 10]) {
        const noted = noteTerm(terms, seconds, now, MARGIN)
        if (JSON.stringify(noted) !== JSON.stringify(terms)) writes += 1
        terms = noted
      }
    }

    // Once a term's length each, and a few to begin with.
    expect(writes).toBeLessThan(2000 / 100 + 2000 / 10 + 5)
  })
})
