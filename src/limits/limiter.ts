/**
 * Limits on failures.
 *
 * An attempt is counted before its work, in one step of the store. So of two hundred guesses at the same time on
 * several nodes no more are allowed than of two hundred one after the other. An attempt that succeeded, or was not
 * checked, is given back. So only failures stay counted, and nothing is stored for a subject without failures. When the
 * store does not answer, no attempt is allowed.
 */

import type { Clock } from '../base/clock.ts'
import { TooManyAttempts } from '../faults/sign-in.ts'
import { createKeyedHash } from '../base/keyed-hash.ts'
import { keys } from '../store/keys.ts'
import type { Store } from '../store/store.ts'

export interface Rule {
  /** Stands in the key: letters, digits and dashes. */
  readonly name: string
  readonly attempts: number
  /** Starts at the first attempt. Later attempts do not extend it, so an attacker cannot lock a person out for ever. */
  readonly windowSeconds: number
}

/** A rule, and whose attempts it counts. */
export interface Limit {
  readonly rule: Rule
  readonly subject: string
}

export interface Limiter {
  /** Counts an attempt. Throws `TooManyAttempts` when the rule's number was reached before it. */
  hit(rule: Rule, subject: string): Promise<void>
  /** Counts an attempt by each of the limits, in their order, or by none: throws as `hit` does for the first reached. */
  hitAll(limits: readonly Limit[]): Promise<void>
  /** Takes back an attempt that was counted by these limits: it was no failure, or was not checked. */
  giveBack(limits: readonly Limit[]): Promise<void>
  /** Starts the subject's count again from zero. */
  forget(rule: Rule, subject: string): Promise<void>
}

export interface LimiterParts {
  readonly store: Pick<Store, 'increment' | 'decrement' | 'remove'>
  readonly clock: Clock
  /** From the ring. Subjects are logins and addresses, which a dump must not reveal. */
  readonly storeKey: Uint8Array
}

export function createLimiter({ store, clock, storeKey }: LimiterParts): Limiter {
  const hash = createKeyedHash(storeKey, 'limits')
  const keyOf = (rule: Rule, subject: string) => keys.limit(rule.name, hash(subject))

  async function hit(rule: Rule, subject: string): Promise<void> {
    const { count, expiresAtMs } = await store.increment(keyOf(rule, subject), rule.windowSeconds)
    if (count <= rule.attempts) return
    const retryAfterSeconds = Math.max(1, Math.ceil((expiresAtMs - clock()) / 1000))
    throw new TooManyAttempts(retryAfterSeconds, count - rule.attempts - 1, rule.name)
  }

  async function giveBack(limits: readonly Limit[]): Promise<void> {
    await Promise.all(limits.map(({ rule, subject }) => store.decrement(keyOf(rule, subject), rule.attempts)))
  }

  return {
    hit,
    giveBack,

    async hitAll(limits) {
      for (const [at, { rule, subject }] of limits.entries()) {
        try {
          await hit(rule, subject)
        } catch (error) {
          await giveBack(limits.slice(0, at))
          throw error
        }
      }
    },

    async forget(rule, subject) {
      await store.remove([keyOf(rule, subject)])
    },
  }
}
