/** Two things about time that the parts share: whether something still counts, and not waiting for ever. */

/** A clock that was set back must not extend anything: a time in the future counts as long ago. */
export function isWithin(sinceMs: number, spanMs: number, nowMs: number): boolean {
  return sinceMs <= nowMs && nowMs - sinceMs < spanMs
}

/** The result of the promise, or the error after this time. */
export async function inTime<T>(ms: number, promise: Promise<T>, late: () => Error): Promise<T> {
  const { promise: timeout, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(late()), ms).unref()
  try {
    return await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}
