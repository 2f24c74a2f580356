/**
 * The single door by which access ends.
 *
 * Whatever ends a token, a grant, a session or a client's access comes through here, and three things happen: it is
 * refused at once on every node (what is removed from the store is found by none; what is too much to be found is behind
 * a moment, see ended-marks.ts); one entry in the revocation log tells the verifiers of JWTs; the audit trail says why.
 *
 * The entry is written first. Should the server die or the store go away in between, what was to end is still found, and
 * whoever asks again ends it; and a JWT that a request under way is about to sign is covered already. A write that was
 * under way when the grant ended finds it gone: every token is stored on condition that its grant is alive.
 */

import type { Audit } from '../audit/audit.ts'
import { type Clock, epochSeconds } from '../base/clock.ts'
import { keys } from '../store/keys.ts'
import type { Key, Store } from '../store/store.ts'
import type { EndedMarks, Issued } from './ended-marks.ts'
import type { EndReason } from './end-reasons.ts'
import type { GrantRecord, Holdings, SessionRecord } from './holdings.ts'
import { keepSecondsFor, LARGEST_TOLERANCE_SECONDS, type RevocationLog } from './revocation-log.ts'
import { sessionClaim } from './session-claim.ts'

export interface Revocation {
  /** Ends one access token: a JWT by its `jti`, an opaque one by where it is stored. */
  endToken(token: EndedToken, reason: EndReason, who?: Whose): Promise<void>
  /** Ends a grant: its codes, refresh tokens and access tokens are refused when this resolves. */
  endGrant(grantId: string, reason: EndReason, who?: Whose): Promise<void>
  /** Ends a browser session, and the grants that are to end with it; those for offline access live on. */
  endSession(uid: string, reason: EndReason, who?: Whose): Promise<void>
  /** Takes back what a person agreed to let a client have, and ends what it was granted. */
  endConsent(accountId: string, clientId: string): Promise<void>
  /** Ends every session of a person and every grant they gave. */
  endAccount(accountId: string, reason: EndReason): Promise<void>
  /** Ends all that a client holds, for good: also should it come back. */
  endClient(clientId: string, reason: EndReason): Promise<void>
  /** Ends all that was issued before a moment (epoch seconds; now without one), sessions too. */
  endEverything(before: number | undefined, reason: EndReason): Promise<void>
  /** Has every token refused that this key signed; each of them has expired after so long. */
  endKey(keyId: string, longestTokenSeconds: number): Promise<void>
  /** Whether a moment has ended what was issued then. */
  hasEnded(issued: Issued): boolean
}

export type EndedToken =
  /** `expiresAt` in epoch seconds. */
  { readonly jti: string; readonly expiresAt: number } | { readonly key: Key }

/** For the audit trail, as far as known. */
export interface Whose {
  readonly subject?: string | undefined
  readonly clientId?: string | undefined
}

export interface RevocationParts {
  readonly store: Store
  readonly clock: Clock
  readonly audit: Audit
  readonly revocationLog: Pick<RevocationLog, 'publish' | 'covers'>
  readonly endedMarks: EndedMarks
  readonly holdings: Holdings
}

/** A node whose clock is ahead by this much issues nothing that a moment of now fails to cover. */
const CLOCK_SKEW_SECONDS = 15

export function createRevocation({
  store,
  clock,
  audit,
  revocationLog,
  endedMarks,
  holdings,
}: RevocationParts): Revocation {
  /**
   * A grant that is alive gets an entry though it may have one: where an ending was cut off, tokens were issued after it,
   * and they may outlive the first entry.
   */
  async function publishGrant(grantId: string, isAlive: boolean): Promise<void> {
    if (isAlive || !revocationLog.covers({ gid: grantId, iat: Number.POSITIVE_INFINITY })) {
      await revocationLog.publish({ gid: grantId })
    }
  }

  /** A round trip for all entries, one for all removals, one for the list that they are found by, and that last. */
  async function endAll(accountId: string, grantIds: readonly string[]): Promise<void> {
    await Promise.all(grantIds.map((id) => publishGrant(id, true)))
    await removeGrants(accountId, grantIds)
  }

  async function removeGrants(accountId: string | undefined, grantIds: readonly string[]): Promise<void> {
    await Promise.all(grantIds.map((id) => store.removeMembers(keys.grantMembers(id), [keys.grant(id)])))
    if (accountId === undefined) return
    await Promise.all(grantIds.map((id) => store.unlink(keys.accountGrants(accountId), id)))
  }

  /** Everything issued until now, by any node. */
  function untilNow(): number {
    return epochSeconds(clock) + CLOCK_SKEW_SECONDS + 1
  }

  return {
    async endToken(token, reason, who = {}) {
      if ('key' in token) await store.remove([token.key])
      else {
        const left = token.expiresAt - epochSeconds(clock) + LARGEST_TOLERANCE_SECONDS
        if (left > 0) await revocationLog.publish({ jti: token.jti }, left)
      }
      audit.record('token.revoked', { ...who, reason, ...('jti' in token && { tokenId: token.jti }) })
    },

    async endGrant(grantId, reason, who = {}) {
      const entry = await store.get(keys.grant(grantId))
      await publishGrant(grantId, entry !== undefined)
      const grant = entry && (JSON.parse(entry.value) as GrantRecord)
      await removeGrants(grant?.accountId, [grantId])
      audit.record('grant.ended', { subject: grant?.accountId, clientId: grant?.clientId, ...who, grantId, reason })
    },

    async endSession(uid, reason, who = {}) {
      const key = keys.session(uid)
      const found = await store.get(key)
      if (found === undefined) return
      const { accountId } = JSON.parse(found.value) as SessionRecord
      if (accountId !== undefined) await revocationLog.publish({ sid: sessionClaim(uid) })
      // Taken, not removed: what another request added until this moment ends as well.
      const taken = await store.take(key)
      if (taken === undefined) return
      const { authorizations = {} } = JSON.parse(taken) as SessionRecord
      const ending = Object.values(authorizations).flatMap(({ grantId, persistsLogout }) =>
        grantId === undefined || persistsLogout === true ? [] : [grantId],
      )
      await removeGrants(accountId, ending)
      if (accountId !== undefined) await store.unlink(keys.accountSessions(accountId), uid)
      audit.record('session.ended', { subject: accountId, ...who, sessionUid: uid, reason })
    },

    async endConsent(accountId, clientId) {
      // What was agreed to goes first, so that no new grant is made of it; asked again, all of this happens again.
      await store.remove([keys.consent(accountId, clientId)])
      const grants = await holdings.listGrants(accountId)
      const ending = grants.filter((grant) => grant.clientId === clientId).map(({ grantId }) => grantId)
      await endAll(accountId, ending)
      const reason: EndReason = 'consent_withdrawn'
      audit.record('consent.withdrawn', { subject: accountId, clientId })
      for (const grantId of ending) audit.record('grant.ended', { subject: accountId, clientId, grantId, reason })
    },

    async endAccount(accountId, reason) {
      const [grants, sessions] = await Promise.all([holdings.listGrants(accountId), holdings.listSessions(accountId)])
      await endAll(
        accountId,
        grants.map(({ grantId }) => grantId),
      )
      await store.remove(sessions.map(({ uid }) => keys.session(uid)))
      await Promise.all(sessions.map(({ uid }) => store.unlink(keys.accountSessions(accountId), uid)))
      audit.record('account.access_ended', { subject: accountId, reason })
    },

    async endClient(clientId, reason) {
      const before = untilNow()
      await revocationLog.publish({ client_id: clientId, before })
      await endedMarks.raise(before, clientId)
      audit.record('client.access_ended', { clientId, reason })
    },

    async endEverything(before = untilNow(), reason) {
      await revocationLog.publish({ before })
      await endedMarks.raise(before)
      audit.record('everything.ended', { reason })
    },

    async endKey(keyId, longestTokenSeconds) {
      await revocationLog.publish({ kid: keyId }, keepSecondsFor(longestTokenSeconds))
    },

    hasEnded: (issued) => endedMarks.covers(issued),
  }
}
