/**
 * Signing in with a password.
 *
 * Counted first, then checked, then told: whoever fails learns nothing but that it failed, in the same time whether the
 * account is unknown or disabled or the password wrong. The audit trail knows which it was.
 */

import type { Audit } from '../audit/audit.ts'
import { LoginFailed, LoginsBusy, TooManyAttempts } from '../base/faults.ts'
import type { LoginRules } from '../config/config.ts'
import { limitAddress } from '../limits/address.ts'
import type { Limiter, Rule } from '../limits/limiter.ts'
import type { Account, Accounts, PasswordCheck } from './accounts.ts'
import { canonicalLogin } from './login-name.ts'
import type { Passwords } from './passwords.ts'

interface LoginAttempt {
  readonly login: string
  readonly password: string
  /** The visitor's IP address. */
  readonly address: string
}

export interface Logins {
  /** The account whose login and password these are. Throws `LoginFailed`, `TooManyAttempts`, `LoginsBusy`. */
  checkLogin(attempt: LoginAttempt): Promise<Account>
}

export interface LoginsOptions {
  readonly accounts: Accounts
  readonly passwords: Passwords
  readonly limiter: Limiter
  readonly audit: Audit
  readonly rules: LoginRules
}

export function createLogins({ accounts, passwords, limiter, audit, rules }: LoginsOptions): Logins {
  const { windowSeconds } = rules
  const perAccount: Rule = { name: 'login-account', attempts: rules.attemptsPerAccount, windowSeconds }
  const perAddress: Rule = { name: 'login-address', attempts: rules.attemptsPerAddress, windowSeconds }

  /** Counts the attempt, for the address and for what was typed as login, whether or not there is such an account. */
  async function count({ login, address }: LoginAttempt): Promise<void> {
    // The address first: one that is refused anyway cannot use up its victim's attempts as well.
    await hit(perAddress, limitAddress(address), address)
    // Before the account's count: whoever is told to come again in a moment loses none of these few attempts by it,
    // unless the line fills up during the next trip to the store.
    if (passwords.isBusy()) throw new LoginsBusy()
    await hit(perAccount, canonicalLogin(login), address)
  }

  async function hit(rule: Rule, subject: string, address: string): Promise<void> {
    try {
      await limiter.hit(rule, subject)
    } catch (error) {
      // The first refusal only: a line for each would let a stranger fill the trail.
      if (error instanceof TooManyAttempts && error.refusedBefore === 0) {
        audit.record('login.throttled', { address, outcome: 'failure', reason: rule.name })
      }
      throw error
    }
  }

  async function check(attempt: LoginAttempt): Promise<PasswordCheck> {
    try {
      await count(attempt)
      if (!passwords.isHashable(attempt.password)) return { outcome: 'wrong', account: undefined }
      return await accounts.checkPassword(attempt.login, attempt.password)
    } catch (error) {
      if (error instanceof LoginsBusy) audit.record('login.busy', { address: attempt.address, outcome: 'failure' })
      throw error
    }
  }

  return {
    async checkLogin(attempt) {
      const { outcome, account } = await check(attempt)
      const who = { subject: account?.id, address: attempt.address }
      if (outcome !== 'right') {
        audit.record('login.failed', { ...who, outcome: 'failure', reason: outcome })
        throw new LoginFailed()
      }
      await limiter.forget(perAccount, canonicalLogin(attempt.login))
      audit.record('login.succeeded', { ...who, outcome: 'success' })
      return account
    },
  }
}
