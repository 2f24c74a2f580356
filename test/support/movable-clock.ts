/** A clock that stands still until a test moves it. */

import type { Clock } from '../../src/base/clock.ts'

export interface MovableClock extends Clock {
  moveSeconds(seconds: number): void
}

export function movableClock(startMs: number = Date.UTC(2030, 0, 1)): MovableClock {
  let nowMs = startMs
  return Object.assign(() => nowMs, {
    moveSeconds(seconds: number) {
      nowMs += seconds * 1000
    },
  })
}
