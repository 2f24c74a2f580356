/** A person who can sign in, without what proves it. */

import type { AccountClaims } from '../config/config.ts'

export interface Account {
  /** `usr_` and 128 random bits. The `sub` of its tokens, never given to anybody else. */
  readonly id: string
  /** As its owner writes it. */
  readonly login: string
  readonly claims: AccountClaims
  /** Its owner cannot sign in. */
  readonly disabled: boolean
  /** Epoch seconds. */
  readonly createdAt: number
  /** Epoch seconds: who signed in at this moment or before it has to do so again. */
  readonly accessEndedAt?: number
  /** Epoch seconds: wrong passwords on known devices that came before do not count. */
  readonly unlockedAt?: number
}
