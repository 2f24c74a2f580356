/**
 * Following the issuer's revocation feed, so that a token that was ended is refused within a second and no request costs
 * a call.
 */

import type { Fetch } from './metadata.ts'
import type { Revocable } from './revocation-set.ts'

/** How a verifier gets at the feed, and what it does when the feed is silent. */
export type RevocationOptions = FeedAccess & {
  /** What to do with tokens once nothing was heard for `silentAfterSeconds`; default `refuse`. */
  readonly whenSilent?: 'refuse' | 'accept'
  /** Default 30. */
  readonly silentAfterSeconds?: number
}

type FeedAccess =
  | { readonly clientId: string; readonly clientSecret: string }
  | { readonly token: () => Promise<string> }

export interface RevocationFeed {
  /** Whether something that covers this token was revoked. Called with every token, so it must be fast. */
  covers(token: Revocable): boolean
  /** Throws `VerifierUnavailable` when the feed is silent and that is to refuse. Called with every token. */
  checkSilence(): void
  /**
   * Begins to follow, and resolves once everything the server knows is known here. Rejects with `VerifierUnavailable`
   * after a few seconds at most; then, and within a pause after that, the verifier relies on `checkSilence` alone.
   */
  prepare(): Promise<void>
  close(): Promise<void>
}

export interface FeedParts {
  readonly issuer: string
  /** Epoch milliseconds. */
  readonly clock: () => number
  readonly fetch: Fetch
}

/** Throws a `TypeError` for options that are wrong or unknown. Fetches nothing before `prepare`. */
export function createRevocationFeed(_options: RevocationOptions & FeedParts): RevocationFeed {
  throw new TypeError('the revocation feed is not there yet')
}
