/**
 * The JWTs that this engine has signed or verified, so that a token that is presented again costs no signature check.
 *
 * A valid signature stays valid while its key is in the ring; a new ring makes a new engine with a new memory. What can
 * end sooner is checked at every use: the token's own expiry here, revocation and grant by the caller. Tokens are
 * looked up by their whole text, which takes a tenth of the time of a hash. The least recently used are dropped first.
 */

import { type Clock, epochSeconds } from '../../base/clock.ts'
import type { AccessTokenClaims } from './claims.ts'

export interface VerifiedToken {
  readonly claims: AccessTokenClaims
  /** The `kid` of its header. */
  readonly keyId: string | undefined
  /** Whether it was verified with a secret that its API has as well. */
  readonly isShared: boolean
}

export interface VerifiedTokens {
  /** A token that was verified and has not expired. */
  find(token: string): VerifiedToken | undefined
  remember(token: string, verified: VerifiedToken): void
  /** Whether this engine has signed it itself; what it says is still to be looked at. */
  isOwn(token: string): boolean
  rememberOwn(token: string): void
}

// At about two kilobytes each these are two megabytes; who is not among them is verified, which takes some 100 µs.
const MOST_TOKENS = 1000
// Three megabytes. Most tokens that come here come soon after they were issued.
const MOST_OWN = 4000

interface VerifiedTokensOptions {
  readonly clock: Clock
  readonly most?: number
  readonly mostOwn?: number
}

export function createVerifiedTokens(options: VerifiedTokensOptions): VerifiedTokens {
  const { clock, most = MOST_TOKENS, mostOwn = MOST_OWN } = options
  const byText = new Map<string, VerifiedToken>()
  const own = new Set<string>()

  return {
    find(token) {
      const verified = byText.get(token)
      if (verified === undefined) return undefined
      byText.delete(token)
      if (verified.claims.exp <= epochSeconds(clock)) return undefined
      // Last in, last out: a map keeps the order in which its keys were set.
      byText.set(token, verified)
      return verified
    },

    remember(token, verified) {
      byText.set(token, verified)
      const [oldest] = byText.keys()
      if (byText.size > most && oldest !== undefined) byText.delete(oldest)
    },

    isOwn: (token) => own.has(token),

    rememberOwn(token) {
      own.add(token)
      const [oldest] = own
      if (own.size > mostOwn && oldest !== undefined) own.delete(oldest)
    },
  }
}
