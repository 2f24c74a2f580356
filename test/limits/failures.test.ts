import { describe, expect, it } from 'vitest'

import { createFailures } from '../../src/limits/failures.ts'
import { movableClock } from '../support/movable-clock.ts'

describe('limits on failures', () => {
  it('[A13] make a subject wait after so many, until the window of its first failure ends', () => {
    const clock = movableClock()
    const failures = createFailures({ clock, attempts: 3, windowSeconds: 60 })
    for (let time = 0; time < 2; time += 1) failures.count('shop')
    expect(failures.secondsToWait('shop')).toBeUndefined()
    clock.moveSeconds(20)

    failures.count('shop')

    expect(failures.secondsToWait('shop')).toBe(40)
    expect(failures.secondsToWait('till')).toBeUndefined()
    clock.moveSeconds(40)
    expect(failures.secondsToWait('shop')).toBeUndefined()
    expect(failures.isEmpty()).toBe(true)
  })

  it('[A13] hold a bounded number of subjects, however many fail', () => {
    const failures = createFailures({ clock: movableClock(), attempts: 1, windowSeconds: 60 })
    failures.count('first')
    for (let at = 0; at < 10_000; at += 1) failures.count(`subject ${at}`)

    expect(failures.secondsToWait('first')).toBeUndefined()
    expect(failures.secondsToWait('subject 0')).toBe(60)
  })
})
