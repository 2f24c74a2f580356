/**
 * Signing in with a password.
 *
 * An attempt is counted first, then checked, then answered. A failed attempt learns only that it failed, in the same
 * time whether the account is unknown or disabled or the password is wrong. The audit trail has the reason. Only
 * failures stay counted.
 *
 * Unknown devices share the counts of an account, of an address and of a network. A known device (known-devices.ts) has
 * its own count, so the guesses of others cannot lock out the account's owner.
 */

import type { Audit } from '../audit/audit.ts'
import { LoginFailed, LoginsBusy, TooManyAttempts } from '../faults/sign-in.ts'
import type { LoginRules } from '../config/config.ts'
import { limitAddress, limitNetwork } from '../limits/address.ts'
import type { Limit, Limiter, Rule } from '../limits/limiter.ts'
import { isPowerOfTen, type Tally } from '../limits/tally.ts'
import type { Account, Accounts, PasswordCheck } from './accounts.ts'
import type { HashCaller } from './hash-queue.ts'
import type { KnownDevices } from './known-devices.ts'
import { canonicalLogin } from './login-name.ts'
import type { Passwords } from './passwords.ts'

interface LoginAttempt {
  readonly login: string
  readonly password: string
  /** The IP address of the visitor. */
  readonly address: string
  /** The cookie of earlier sign-ins (known-devices.ts). */
  readonly deviceCookie?: string | undefined
}

export interface Logins {
  /** The account with this login and password. Throws `LoginFailed`, `TooManyAttempts`, `LoginsBusy`. */
  checkLogin(attempt: LoginAttempt): Promise<Account>
  /** The cookie for the browser after this account signed in at `signedInAt` (epoch seconds). */
  rememberDevice(deviceCookie: string | undefined, account: Account, signedInAt: number): string
  /** Resets the failures of this account, on unknown and on known devices. Throws `AccountUnknown`. */
  unlock(account: Account): Promise<Account>
}

export interface LoginsOptions {
  readonly accounts: Pick<Accounts, 'checkPassword' | 'findAccountByLogin' | 'unlock'>
  readonly passwords: Pick<Passwords, 'isBusy' | 'isHashable'>
  readonly devices: KnownDevices
  readonly limiter: Limiter
  readonly tally: Tally
  readonly audit: Audit
  readonly rules: LoginRules
}

/** The counts that an attempt adds to, and its line in the queue. */
interface Terms {
  readonly limits: readonly Limit[]
  readonly caller: HashCaller
}

// Recorded one by one, because an account's owner asks about them. More from one address are recorded by powers of ten.
const EACH_FAILURE = 10

export function createLogins(options: LoginsOptions): Logins {
  const { accounts, passwords, devices, limiter, tally, audit, rules } = options
  const { perAddress, perNetwork, perAccount, perDevice } = loginRules(rules)

  async function termsOf(attempt: LoginAttempt): Promise<Terms> {
    if (attempt.deviceCookie === undefined) return strangersTerms(attempt)
    const account = await accounts.findAccountByLogin(attempt.login)
    const deviceId = devices.find(attempt.deviceCookie, account)
    return account === undefined || deviceId === undefined ? strangersTerms(attempt) : knownTerms(account, deviceId)
  }

  /**
   * The address first: an attempt that is refused for its address does not use up the counts of its network and of its
   * victim.
   */
  function strangersTerms({ login, address }: LoginAttempt): Terms {
    const network = limitNetwork(address)
    const limits = [
      { rule: perAddress, subject: limitAddress(address) },
      { rule: perNetwork, subject: network },
      { rule: perAccount, subject: canonicalLogin(login) },
    ]
    return { limits, caller: { group: network, isKnown: false } }
  }

  function knownTerms({ id, unlockedAt = 0 }: Account, deviceId: string): Terms {
    const limits = [{ rule: perDevice, subject: `${id} ${deviceId} ${unlockedAt}` }]
    return { limits, caller: { group: id, isKnown: true } }
  }

  async function check(attempt: LoginAttempt, { limits, caller }: Terms): Promise<PasswordCheck> {
    // Before anything is counted, so refused attempts write nothing to the store.
    if (passwords.isBusy(caller)) throw new LoginsBusy()
    await limiter.hitAll(limits)
    if (!passwords.isHashable(attempt.password)) return { outcome: 'wrong', account: undefined }
    try {
      return await accounts.checkPassword(attempt.login, attempt.password, caller)
    } catch (error) {
      if (error instanceof LoginsBusy) await limiter.giveBack(limits)
      throw error
    }
  }

  /** A caller can repeat this at will, so the trail must not record each one. */
  function recordRefusal(error: unknown, address: string): void {
    if (error instanceof TooManyAttempts) {
      const count = error.refusedBefore + 1
      if (isPowerOfTen(count)) recordCounted('login.throttled', { address, reason: error.rule, count })
    } else if (error instanceof LoginsBusy) {
      const count = tally.count({ event: 'login.busy', address })
      if (count !== undefined) recordCounted('login.busy', { address, count })
    }
  }

  function recordFailure({ address }: LoginAttempt, { outcome, account }: PasswordCheck): void {
    const subject = account?.id
    const count = tally.count({ event: 'login.failed', address, about: subject, each: EACH_FAILURE })
    if (count !== undefined) recordCounted('login.failed', { subject, address, reason: outcome, count })
  }

  function recordCounted(
    event: 'login.throttled' | 'login.busy' | 'login.failed',
    { count, ...fields }: { address: string; count: number; subject?: string | undefined; reason?: string },
  ): void {
    audit.record(event, { ...fields, outcome: 'failure', count: count > 1 ? count : undefined })
  }

  return {
    async checkLogin(attempt) {
      const { address } = attempt
      try {
        const terms = await termsOf(attempt)
        const checked = await check(attempt, terms)
        if (checked.outcome !== 'right') {
          recordFailure(attempt, checked)
          throw new LoginFailed()
        }
        await limiter.giveBack(terms.limits)
        audit.record('login.succeeded', { subject: checked.account.id, address, outcome: 'success' })
        return checked.account
      } catch (error) {
        recordRefusal(error, address)
        throw error
      }
    },

    rememberDevice: (deviceCookie, account, signedInAt) => devices.remember(deviceCookie, account, signedInAt),

    async unlock(account) {
      await limiter.forget(perAccount, canonicalLogin(account.login))
      return accounts.unlock(account.id)
    },
  }
}

function loginRules({ windowSeconds, ...attempts }: LoginRules) {
  const rule = (name: string, most: number): Rule => ({ name: `login-${name}`, attempts: most, windowSeconds })
  return {
    perAddress: rule('address', attempts.attemptsPerAddress),
    perNetwork: rule('network', attempts.attemptsPerNetwork),
    perAccount: rule('account', attempts.attemptsPerAccount),
    perDevice: rule('device', attempts.attemptsPerAccount),
  }
}
