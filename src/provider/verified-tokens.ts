/**
 * The JWTs that this engine has verified, so that a token which comes again costs no second signature check.
 *
 * A good signature stays good while its key is in the ring; a new ring makes a new engine, and with it a new memory.
 * What can end sooner is looked at on every use: the token's own end here, its grant by whoever asks. Tokens are known
 * by their hash, the least used are forgotten first.
 */

import type { JWTPayload } from 'jose'

import { type Clock, epochSeconds } from '../base/clock.ts'
import { hashHandle } from '../base/sealing.ts'

export interface VerifiedTokens {
  /** The claims of a token that was verified and has not expired. */
  find(token: string): JWTPayload | undefined
  remember(token: string, claims: JWTPayload): void
}

// At about a kilobyte each this is a megabyte; who is not among them is verified, which takes some 100 µs.
const MOST_TOKENS = 1000

export function createVerifiedTokens({ clock, most = MOST_TOKENS }: { clock: Clock; most?: number }): VerifiedTokens {
  const byHash = new Map<string, JWTPayload>()

  return {
    find(token) {
      const hash = hashHandle(token)
      const claims = byHash.get(hash)
      if (claims === undefined) return undefined
      byHash.delete(hash)
      if (claims.exp === undefined || claims.exp <= epochSeconds(clock)) return undefined
      // Last in, last out: a map keeps the order in which its keys were set.
      byHash.set(hash, claims)
      return claims
    },

    remember(token, claims) {
      byHash.set(hashHandle(token), claims)
      const [oldest] = byHash.keys()
      if (byHash.size > most && oldest !== undefined) byHash.delete(oldest)
    },
  }
}
