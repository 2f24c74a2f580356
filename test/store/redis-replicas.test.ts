/** How many replicas have to confirm a write, from what the primary and the Sentinels said. */

import { describe, expect, it } from 'vitest'

import { Replicas } from '../../src/store/redis/connection/replicas.ts'

const everyone = () => true
const nobody = () => false

describe('the replicas that have to confirm a write', () => {
  it('are all that are in step and could be promoted, and never fewer than asked for', () => {
    const replicas = new Replicas(1)
    expect(replicas.needed).toBe(1)

    replicas.note(['b:1', 'c:1'], everyone)

    expect(replicas.needed).toBe(2)
    expect(replicas.isEnough).toBe(true)
  })

  it('[B1] go on counting when they leave, until it is known that they cannot be promoted', () => {
    const replicas = new Replicas(1)
    replicas.note(['b:1', 'c:1'], everyone)

    replicas.note(['c:1'], everyone)
    expect(replicas).toMatchObject({ needed: 2, isEnough: false, missing: ['b:1'] })

    replicas.note(['c:1'], (name) => name !== 'b:1')
    expect(replicas).toMatchObject({ needed: 1, isEnough: true })
  })

  it('[B1] still count after the primary was restarted and has none of them yet', () => {
    const replicas = new Replicas(1)
    replicas.note(['b:1', 'c:1'], everyone)

    replicas.note([], everyone)

    expect(replicas).toMatchObject({ needed: 2, isEnough: false })
  })

  it('[B1] count from when they are seen, except those that cannot be promoted', () => {
    const replicas = new Replicas(1)
    replicas.note(['b:1', 'far:1'], (name) => name !== 'far:1')

    replicas.join(['b:1', 'c:1', 'far:1'])

    expect(replicas).toMatchObject({ needed: 2, isEnough: true })
  })

  it('are the configured number when none can be promoted', () => {
    const replicas = new Replicas(1)
    replicas.note(['b:1', 'c:1'], nobody)
    expect(replicas.needed).toBe(1)
    expect(new Replicas(0).needed).toBe(0)
  })

  it('[B1] are none when none is left that could be promoted, until one is in step again, unless a number is asked for', () => {
    const [replicas, strict] = [new Replicas(undefined), new Replicas(1)]
    for (const each of [replicas, strict]) {
      each.note(['b:1'], everyone)
      each.note([], everyone)
      expect(each).toMatchObject({ needed: 1, isEnough: false })
      each.note([], nobody, true)
    }
    expect(strict).toMatchObject({ needed: 1, isEnough: false })
    expect(replicas).toMatchObject({ needed: 0, isEnough: true })

    replicas.note([], everyone, false)
    expect(replicas.needed).toBe(0)
    replicas.note(['b:1'], everyone, false)
    expect(replicas.needed).toBe(1)
  })
})
