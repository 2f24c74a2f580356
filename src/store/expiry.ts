/** When a stored thing ends: epoch milliseconds, counted from the injected clock. */

/** The end of what has none. A number, so that one comparison decides whether something is alive. */
export const FOREVER_MS = Number.MAX_SAFE_INTEGER

/** The time `ttlSeconds` after `nowMs`; `FOREVER_MS` without a time to live. */
export function expiryMs(nowMs: number, ttlSeconds: number | undefined): number {
  return ttlSeconds === undefined ? FOREVER_MS : nowMs + toMs(ttlSeconds)
}

/** Whole milliseconds, rounded up: nothing ends early. */
export function toMs(seconds: number): number {
  if (!Number.isFinite(seconds)) throw new TypeError(`a time to live is a number of seconds, not ${seconds}`)
  return Math.ceil(seconds * 1000)
}

/**
 * By how much the clocks of nodes, of the present Redis primary and of the one before may differ without an early loss.
 * Entries are kept for that long beyond their end.
 */
export const CLOCKS_DIFFER_MS = 15 * 60_000
