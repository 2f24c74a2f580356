/**
 * The single door by which access ends.
 *
 * Whatever ends a grant or a session comes through here: it is refused at once on every node (what is removed from the
 * store is found by none), and the audit trail says why. A write that was under way when the grant ended finds it gone:
 * every token is stored on condition that its grant is alive.
 */

import type { Audit } from '../audit/audit.ts'
import { keys } from '../store/keys.ts'
import type { Store } from '../store/store.ts'

export type EndReason =
  | 'refresh_token_reused'
  | 'authorization_code_reused'
  | 'revoked_by_client'
  | 'logout'
  | 'account_disabled'

export interface Revocation {
  /** Ends a grant: its codes, refresh tokens and opaque access tokens are gone when this resolves. */
  endGrant(grantId: string, reason: EndReason, who?: Whose): Promise<void>
  /** Ends the codes and tokens of a grant; the grant (what the person agreed to) stays. */
  endTokens(grantId: string): Promise<void>
  /** Ends a browser session; a request under way that still holds it cannot bring it back. */
  endSession(uid: string, sessionId: string, who?: Whose): Promise<void>
}

/** For the audit trail, as far as known. */
export interface Whose {
  readonly subject?: string | undefined
  readonly clientId?: string | undefined
}

export function createRevocation({ store, audit }: { store: Store; audit: Audit }): Revocation {
  return {
    async endGrant(grantId, reason, who = {}) {
      await store.removeMembers(keys.grantMembers(grantId), [keys.grant(grantId)])
      audit.record('grant.ended', { ...who, grantId, reason })
    },

    async endTokens(grantId) {
      await store.removeMembers(keys.grantMembers(grantId))
    },

    async endSession(uid, sessionId, who = {}) {
      await store.remove([keys.session(uid), keys.sessionId(sessionId)])
      audit.record('session.ended', { ...who, reason: 'logout' })
    },
  }
}
