/** The duration of access as text. */

import type { Lifetimes } from '../../config/config.ts'

export type ConsentLifetimes = Pick<Lifetimes, 'sessionSeconds' | 'refreshTokenSeconds'>

/** Without `offline_access` access ends with the session; with it, with the refresh token. */
export function sayHowLong(scopes: readonly string[], lifetimes: ConsentLifetimes): string {
  if (!scopes.includes('offline_access')) {
    return `Access lasts while you are signed in here, at most ${sayDuration(lifetimes.sessionSeconds)}.`
  }
  return `Access lasts at most ${sayDuration(lifetimes.refreshTokenSeconds)}, also while you are not signed in.`
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

/** `30 days`, `8 hours`, `1 minute`: in the largest unit that divides it, or whole minutes rounded up. */
export function sayDuration(seconds: number): string {
  for (const [unit, size] of UNITS) {
    if (seconds >= size && seconds % size === 0) return count(seconds / size, unit)
  }
  return count(Math.ceil(seconds / 60), 'minute')
}

function count(amount: number, unit: string): string {
  return amount === 1 ? `1 ${unit}` : `${amount} ${unit}s`
}
