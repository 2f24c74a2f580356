/**
 * The sources of time.
 *
 * No other file reads `Date`. Code that needs the time takes a `Clock`, so a test can move it.
 */

/** The present time, in milliseconds since 1970. */
export type Clock = () => number

export const systemClock: Clock = () => Date.now()

/**
 * Milliseconds since a fixed time; never steps back or forward.
 *
 * Every duration that safety depends on is measured with it, because the wall clock may be stepped meanwhile.
 */
export const monotonicClock: Clock = () => performance.now()

/** The present time in whole epoch seconds, the unit of every `exp`, `iat` and `expiresAt`. */
export function epochSeconds(clock: Clock): number {
  return Math.floor(clock() / 1000)
}
