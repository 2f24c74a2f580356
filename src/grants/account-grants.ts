/** The sessions of a person, and the grants that the person gave. */

import { keys } from '../store/keys.ts'
import type { Key, Store } from '../store/store.ts'
import type { NotBefore } from './not-before.ts'

export interface HeldGrant {
  readonly grantId: string
  readonly clientId: string | undefined
}

export interface HeldSession {
  readonly uid: string
  /** Epoch seconds, both. */
  readonly signedInAt: number
  readonly expiresAt: number
  /** The applications that were signed in to in it. */
  readonly clientIds: readonly string[]
}

export interface AccountGrants {
  /** The live ones, read in two round trips, whatever their number. */
  listGrants(accountId: string): Promise<HeldGrant[]>
  /** As above, and in which this person, and not another one since, is signed in. */
  listSessions(accountId: string): Promise<HeldSession[]>
}

/** Of the records that engine/adapter/ keeps, what is read of them elsewhere. */
export interface GrantRecord {
  readonly accountId?: string | undefined
  readonly clientId?: string | undefined
  readonly iat?: number
}

export interface SessionRecord {
  readonly accountId?: string
  readonly loginTs?: number
  readonly exp?: number
  readonly authorizations?: Readonly<Record<string, { readonly grantId?: string; readonly persistsLogout?: boolean }>>
}

export function createAccountGrants({
  store,
  notBefore,
}: {
  readonly store: Store
  readonly notBefore: Pick<NotBefore, 'covers'>
}): AccountGrants {
  async function live<Record>(index: Key, keyOf: (member: string) => Key): Promise<[string, Record][]> {
    const members = await store.members(index)
    const entries = await store.getMany(members.map(keyOf))
    return members.flatMap((member, at) => {
      const entry = entries[at]
      return entry === undefined ? [] : [[member, JSON.parse(entry.value) as Record]]
    })
  }

  return {
    async listGrants(accountId) {
      const grants = await live<GrantRecord>(keys.accountGrants(accountId), keys.grant)
      return grants
        .filter(([, { clientId, iat }]) => !notBefore.covers({ clientId, issuedAt: iat }))
        .map(([grantId, { clientId }]) => ({ grantId, clientId }))
    },

    async listSessions(accountId) {
      const sessions = await live<SessionRecord>(keys.accountSessions(accountId), keys.session)
      return sessions
        .filter(([, session]) => session.accountId === accountId && !notBefore.covers({ issuedAt: session.loginTs }))
        .map(([uid, { loginTs = 0, exp = 0, authorizations = {} }]) => {
          return { uid, signedInAt: loginTs, expiresAt: exp, clientIds: Object.keys(authorizations) }
        })
    },
  }
}
