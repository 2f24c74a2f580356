/**
 * The JWTs that this engine has signed or verified, so that a token which comes (again) costs no signature check.
 *
 * A good signature stays good while its key is in the ring; a new ring makes a new engine, and with it a new memory.
 * What can end sooner is looked at on every use: the token's own end here, revocation and grant by whoever asks. Tokens
 * are known by their hash, the least used are forgotten first.
 */

import { type Clock, epochSeconds } from '../base/clock.ts'
import { hashHandle } from '../base/sealing.ts'
import type { AccessTokenClaims } from './access-tokens.ts'

export interface VerifiedToken {
  readonly claims: AccessTokenClaims
  /** The `kid` of its header. */
  readonly keyId: string | undefined
}

export interface VerifiedTokens {
  /** A token that was verified and has not expired. */
  find(token: string): VerifiedToken | undefined
  remember(token: string, verified: VerifiedToken): void
  /** Whether this engine has signed it itself; what it says is still to be looked at. */
  isOwn(token: string): boolean
  rememberOwn(token: string): void
}

// At about a kilobyte each this is a megabyte; who is not among them is verified, which takes some 100 µs.
const MOST_TOKENS = 1000
// Only their hashes, a megabyte too. Most tokens that come here come soon after they were issued.
const MOST_OWN = 10_000

interface VerifiedTokensOptions {
  readonly clock: Clock
  readonly most?: number
  readonly mostOwn?: number
}

export function createVerifiedTokens(options: VerifiedTokensOptions): VerifiedTokens {
  const { clock, most = MOST_TOKENS, mostOwn = MOST_OWN } = options
  const byHash = new Map<string, VerifiedToken>()
  const own = new Set<string>()

  return {
    find(token) {
      const hash = hashHandle(token)
      const verified = byHash.get(hash)
      if (verified === undefined) return undefined
      byHash.delete(hash)
      if (verified.claims.exp <= epochSeconds(clock)) return undefined
      // Last in, last out: a map keeps the order in which its keys were set.
      byHash.set(hash, verified)
      return verified
    },

    remember(token, verified) {
      byHash.set(hashHandle(token), verified)
      const [oldest] = byHash.keys()
      if (byHash.size > most && oldest !== undefined) byHash.delete(oldest)
    },

    isOwn: (token) => own.has(hashHandle(token)),

    rememberOwn(token) {
      own.add(hashHandle(token))
      const [oldest] = own
      if (own.size > mostOwn && oldest !== undefined) own.delete(oldest)
    },
  }
}
