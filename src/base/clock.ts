/**
 * Where the time comes from.
 *
 * Nothing above this file reads `Date`: whoever needs the time is handed a `Clock`, so that a test can move it.
 */

/** The present moment, in milliseconds since 1970. */
export type Clock = () => number

export const systemClock: Clock = () => Date.now()

/**
 * Milliseconds since some fixed moment, never stepping back or forward: for how long ago something was.
 *
 * Every duration that decides safety is measured with it. The wall clock may be stepped while it is measured.
 */
export const monotonicClock: Clock = () => performance.now()

/** The present moment in whole epoch seconds, the unit of every `exp`, `iat` and `expiresAt`. */
export function epochSeconds(clock: Clock): number {
  return Math.floor(clock() / 1000)
}
