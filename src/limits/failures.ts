/**
 * Limits on the failures of programs, whose secrets cannot be guessed.
 *
 * Counted in memory, by each process for itself. So a request that succeeds costs no trip to the store, and strangers make
 * the store keep nothing. Only for secrets of 256 bits: what can be guessed is limited by limiter.ts, over all nodes.
 */

import type { Clock } from '../base/clock.ts'

export interface Failures {
  /** Whether there was no failure within the window. */
  isEmpty(): boolean
  /** Seconds until the subject may try again, once it has failed too often; else `undefined`. */
  secondsToWait(subject: string): number | undefined
  count(subject: string): void
}

export interface FailuresParts {
  /** Measures the windows and is never read as a date. */
  readonly clock: Clock
  readonly attempts: number
  /** Counted from the first failure. */
  readonly windowSeconds: number
}

// An honest address asks for few identifiers that do not exist, but several of its programs may.
const UNKNOWN_FOR_EACH = 4

/** Look-ups of clients that do not exist, by address: each of them asks the store. */
export function createUnknownClients({ attempts, ...rules }: FailuresParts): Failures {
  return createFailures({ ...rules, attempts: UNKNOWN_FOR_EACH * attempts })
}

interface Window {
  failures: number
  readonly endsAtMs: number
}

// Some 200 bytes each. A stranger with more addresses than this gets no more tries at any of them.
const MOST_SUBJECTS = 10_000

export function createFailures({ clock, attempts, windowSeconds }: FailuresParts): Failures {
  // In the order in which their windows end.
  const windows = new Map<string, Window>()

  function findWindow(subject: string): Window | undefined {
    const found = windows.get(subject)
    if (found === undefined || found.endsAtMs > clock()) return found
    windows.delete(subject)
    return undefined
  }

  function openWindow(subject: string): Window {
    const oldest = windows.keys().next().value
    if (windows.size >= MOST_SUBJECTS && oldest !== undefined) windows.delete(oldest)
    const opened = { failures: 0, endsAtMs: clock() + windowSeconds * 1000 }
    windows.set(subject, opened)
    return opened
  }

  return {
    isEmpty() {
      for (const [subject, { endsAtMs }] of windows) {
        if (endsAtMs > clock()) return false
        windows.delete(subject)
      }
      return true
    },

    secondsToWait(subject) {
      const window = findWindow(subject)
      if (window === undefined || window.failures < attempts) return undefined
      return Math.max(1, Math.ceil((window.endsAtMs - clock()) / 1000))
    },

    count(subject) {
      const window = findWindow(subject) ?? openWindow(subject)
      window.failures += 1
    },
  }
}
