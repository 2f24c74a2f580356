/**
 * How often somebody may try.
 *
 * An attempt is counted before the work that it pays for, in one step of the store: of two hundred guesses that
 * arrive together on several nodes, no more are let through than of two hundred that come one by one.
 */

import type { Clock } from '../base/clock.ts'
import { TooManyAttempts } from '../base/faults.ts'
import { keys } from '../store/keys.ts'
import type { Store } from '../store/store.ts'

export interface Rule {
  /** Stands in the key: letters, digits and dashes. */
  readonly name: string
  readonly attempts: number
  /** Counted from the first attempt; later ones do not prolong it, so nobody can lock somebody else out for good. */
  readonly windowSeconds: number
}

export interface Limiter {
  /** Counts an attempt. Throws `TooManyAttempts` when the rule's number was reached before it. */
  hit(rule: Rule, subject: string): Promise<void>
  /** Starts the subject's count again from zero. */
  forget(rule: Rule, subject: string): Promise<void>
}

export function createLimiter({ store, clock }: { readonly store: Store; readonly clock: Clock }): Limiter {
  return {
    async hit(rule, subject) {
      const { count, expiresAtMs } = await store.increment(keys.limit(rule.name, subject), rule.windowSeconds)
      if (count <= rule.attempts) return
      const retryAfterSeconds = Math.max(1, Math.ceil((expiresAtMs - clock()) / 1000))
      throw new TooManyAttempts(retryAfterSeconds, count - rule.attempts - 1)
    },

    async forget(rule, subject) {
      await store.remove([keys.limit(rule.name, subject)])
    },
  }
}
