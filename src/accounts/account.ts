/** A person who can sign in, without the credentials. */

import type { AccountClaims } from '../config/config.ts'

export interface Account {
  /** `usr_` and 128 random bits: the `sub` of the account's tokens. An id is never used again. */
  readonly id: string
  /** As the owner writes it. */
  readonly login: string
  readonly claims: AccountClaims
  /** The owner cannot sign in. */
  readonly disabled: boolean
  /** Epoch seconds. */
  readonly createdAt: number
  /** Epoch seconds. A sign-in at this second or before does not count any more. */
  readonly accessEndedAt?: number
  /** Epoch seconds. Wrong passwords on known devices before this time do not count. */
  readonly unlockedAt?: number
}
