/** A clock that a test moves: by itself it goes as the real one does. */

import { type Clock, systemClock } from '../base/clock.ts'

/**
 * The present time in epoch milliseconds. Pass it to `createVerifier({ clock })`, and the API ages with its issuer. A
 * verifier that follows revocations takes a leap for silence until the next event of the server, 5 seconds at most.
 *
 * ```ts
 * issuer.clock.moveSeconds(600)
 * ```
 */
export interface HeldClock {
  (): number
  /** Forward; never back, because no clock of a server goes back. Throws a `TypeError` for less than 0. */
  moveSeconds(seconds: number): void
}

export function heldClock(base: Clock = systemClock): HeldClock {
  let aheadMs = 0
  return Object.assign(() => base() + aheadMs, {
    moveSeconds(seconds: number) {
      if (!(seconds >= 0)) throw new TypeError('a clock moves forward')
      aheadMs += seconds * 1000
    },
  })
}
