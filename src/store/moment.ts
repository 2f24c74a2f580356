/**
 * The moment in the key of a code or token. By it the embedded store keeps tokens of one time together.
 *
 * A refresh uses one entry, stores the next, and pays for sweeping an expired one. By their hashes alone each of the three
 * is in a page of its own. So the moment at which a handle was made is part of it, and of its key:
 * `kind:{shard}:moment@hash`. It orders nothing and decides nothing; a wrong clock only costs speed.
 */

import type { Key } from './store.ts'

const UNIT_MS = 4
/** Hexadecimal digits; the moments repeat every twelve days. */
export const MOMENT_DIGITS = 7
const MOMENTS = 16 ** MOMENT_DIGITS
const MOMENT = /^[0-9a-f]{7}$/
const SIGN = '@'
const HASH_LENGTH = 43

export function momentAt(nowMs: number): string {
  const moment = Math.floor(nowMs / UNIT_MS) % MOMENTS
  return moment.toString(16).padStart(MOMENT_DIGITS, '0')
}

/** The part of a handle's key after the shard. */
export function withMoment(moment: string, hash: string): string {
  return moment + SIGN + hash
}

/** The moment in a key; `undefined` in all other keys, and in those of older handles. */
export function momentIn(key: Key): string | undefined {
  const end = key.length - HASH_LENGTH - SIGN.length
  if (key[end] !== SIGN) return undefined
  const moment = key.slice(end - MOMENT_DIGITS, end)
  return MOMENT.test(moment) ? moment : undefined
}
