/**
 * Where the time comes from.
 *
 * Nothing above this file reads `Date`: whoever needs the time is handed a `Clock`, so that a test can move it.
 */

/** The present moment, in milliseconds since 1970. */
export type Clock = () => number

export const systemClock: Clock = () => Date.now()

/** The present moment in whole epoch seconds, the unit of every `exp`, `iat` and `expiresAt`. */
export function epochSeconds(clock: Clock): number {
  return Math.floor(clock() / 1000)
}
