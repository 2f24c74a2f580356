/**
 * The only way by which access ends.
 *
 * Every ending of a token, a grant, a session or a client's access uses this file. Three things happen. It is refused
 * at once on every node: what is removed from the store is not found, and what is too much to find is before a
 * not-before mark (grants/not-before.ts). One entry in the revocation log informs the verifiers of JWTs. The audit
 * trail records the reason.
 *
 * The log is bounded by what exists, not by the number of calls. A grant of which many tokens were revoked one by one
 * ends as a whole. A subject (a person for one client, or a client itself) with many recent endings gets one entry for
 * all tokens issued until now (publishing.ts).
 *
 * Log first, delete second: after a crash in between, repeating the request finishes the job, and JWTs signed meanwhile
 * are already covered. A write that was under way when the grant ended fails: every token is stored on condition that
 * its grant is alive.
 */

import type { Audit } from '../audit/audit.ts'
import { type Clock, epochSeconds } from '../base/clock.ts'
import { keys } from '../store/keys.ts'
import type { Key, Store } from '../store/store.ts'
import type { NotBefore, Issued } from '../grants/not-before.ts'
import type { EndReason } from './end-reasons.ts'
import type { GrantRecord, HeldGrant, AccountGrants, SessionRecord } from '../grants/account-grants.ts'
import { createPublishing } from './publishing.ts'
import {
  keepSecondsFor,
  LARGEST_CLOCK_DIFFERENCE_SECONDS,
  LARGEST_TOLERANCE_SECONDS,
  type NewRevocation,
  type RevocationLog,
} from './revocation-log.ts'
import { sessionClaim } from '../grants/session-claim.ts'

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
  /** The same for several clients. */
  endClients(clientIds: readonly string[], reason: EndReason): Promise<void>
  /** Ends everything that was issued before a time (epoch seconds; now unless set), sessions too. */
  endEverything(before: number | undefined, reason: EndReason): Promise<void>
  /** Has every token refused that this key signed; each of them has expired after so long. */
  endKey(keyId: string, longestTokenSeconds: number): Promise<void>
  /** Ends again what a crash of the store has forgotten the ending of, as far as this node knows. */
  endLostAgain(): Promise<void>
  /** Whether a not-before mark has ended what was issued then. */
  hasEnded(issued: Issued): boolean
}

export type EndedToken = EndedJwt | { readonly key: Key }

/** A JWT access token, by its claims. */
export interface EndedJwt {
  readonly jti: string
  /** Epoch seconds. */
  readonly expiresAt: number
  /** Its `sub` and `gid`, under which its entry is counted. */
  readonly sub?: string | undefined
  readonly gid?: string | undefined
}

/** For the audit trail, as far as known. */
export interface Whose {
  readonly subject?: string | undefined
  readonly clientId?: string | undefined
}

export interface RevocationParts {
  readonly store: Store
  readonly clock: Clock
  readonly audit: Audit
  readonly revocationLog: Pick<RevocationLog, 'publish' | 'covers' | 'counts' | 'settled' | 'writeLostAgain'>
  readonly notBefore: NotBefore
  readonly accountGrants: AccountGrants
  /** The `sub` by which a client knows an account. */
  readonly subjectOf: (accountId: string, clientId: string) => Promise<string>
}

/**
 * An application that revokes each access token after use revokes one or two during the life of an entry. A higher
 * number means that the application fills the log.
 */
const MOST_TOKENS_OF_A_GRANT = 20

export function createRevocation(parts: RevocationParts): Revocation {
  const { store, clock, audit, revocationLog, notBefore, accountGrants, subjectOf } = parts
  const publishing = createPublishing({ revocationLog, store, clock })

  async function publishGrant(grantId: string, grant: GrantRecord | undefined): Promise<void> {
    // A grant that is alive gets an entry though it may have one: where an ending was cut off, tokens were issued after
    // it, and they may outlive the first entry.
    if (grant === undefined && revocationLog.covers({ gid: grantId, iat: Number.POSITIVE_INFINITY })) {
      return revocationLog.settled()
    }
    await publishing.publish({ gid: grantId }, { sub: await subjectIn(grant) })
  }

  async function subjectIn({ accountId, clientId }: GrantRecord = {}): Promise<string | undefined> {
    return accountId === undefined || clientId === undefined ? undefined : subjectOf(accountId, clientId)
  }

  /** A round trip for all entries, one for all removals, one for the list that they are found by, and that last. */
  async function endAll(accountId: string, grants: readonly HeldGrant[]): Promise<void> {
    await Promise.all(grants.map(({ grantId, clientId }) => publishGrant(grantId, { accountId, clientId })))
    await removeGrants(
      accountId,
      grants.map(({ grantId }) => grantId),
    )
  }

  async function removeGrants(accountId: string | undefined, grantIds: readonly string[]): Promise<void> {
    await Promise.all(
      grantIds.map((id) => store.removeMembers(keys.grantMembers(id), [keys.grant(id), keys.spent(id)])),
    )
    if (accountId === undefined) return
    await Promise.all(grantIds.map((id) => store.unlink(keys.accountGrants(accountId), id)))
  }

  /** One entry for each subject by which clients know the person: to each of them the session has another name. */
  async function publishSession(uid: string, accountId: string, clientIds: readonly string[]): Promise<void> {
    const subjects = new Set(await Promise.all(clientIds.map((clientId) => subjectOf(accountId, clientId))))
    if (subjects.size === 0) subjects.add(accountId)
    await Promise.all(
      [...subjects].map((sub) => publishing.publish({ sid: sessionClaim(uid, { accountId, sub }) }, { sub })),
    )
  }

  async function publishJwt({ jti, expiresAt, sub, gid }: EndedJwt): Promise<void> {
    if (revocationLog.covers({ jti, iat: Number.POSITIVE_INFINITY })) return revocationLog.settled()
    const left = Math.max(0, expiresAt - epochSeconds(clock))
    const keepSeconds = left + LARGEST_TOLERANCE_SECONDS + LARGEST_CLOCK_DIFFERENCE_SECONDS
    await publishing.publish({ jti }, { sub, gid }, keepSeconds)
  }

  async function endGrant(grantId: string, reason: EndReason, who: Whose = {}): Promise<void> {
    const entry = await store.get(keys.grant(grantId))
    const grant = entry && (JSON.parse(entry.value) as GrantRecord)
    await publishGrant(grantId, grant)
    await removeGrants(grant?.accountId, [grantId])
    audit.record('grant.ended', { subject: grant?.accountId, clientId: grant?.clientId, ...who, grantId, reason })
  }

  async function endClients(clientIds: readonly string[], reason: EndReason): Promise<void> {
    const before = publishing.untilNow()
    await Promise.all(clientIds.map((clientId) => revocationLog.publish({ client_id: clientId, before })))
    await notBefore.raiseAll(before, clientIds)
    for (const clientId of clientIds) audit.record('client.access_ended', { clientId, reason })
  }

  return {
    async endToken(token, reason, who = {}) {
      if ('key' in token) await store.remove([token.key])
      else await publishJwt(token)
      audit.record('token.revoked', { ...who, reason, ...('jti' in token && { tokenId: token.jti }) })
      if (!('jti' in token) || token.gid === undefined) return
      if (revocationLog.counts.ofGrant(token.gid) >= MOST_TOKENS_OF_A_GRANT) {
        await endGrant(token.gid, 'tokens_revoked_repeatedly', who)
      }
    },

    endGrant,

    async endSession(uid, reason, who = {}) {
      const key = keys.session(uid)
      const found = await store.get(key)
      // Another request has ended it, which may not be confirmed yet.
      if (found === undefined) return store.confirm(key)
      const { accountId, authorizations: known = {} } = JSON.parse(found.value) as SessionRecord
      if (accountId !== undefined) await publishSession(uid, accountId, Object.keys(known))
      // Taken, not removed: what another request added until now ends as well.
      const taken = await store.take(key)
      if (taken === undefined) return store.confirm(key)
      const { authorizations = {} } = JSON.parse(taken) as SessionRecord
      const ending = Object.values(authorizations).flatMap(({ grantId, persistsLogout }) =>
        grantId === undefined || persistsLogout === true ? [] : [grantId],
      )
      const late = Object.keys(authorizations).filter((clientId) => known[clientId] === undefined)
      if (accountId !== undefined && late.length > 0) await publishSession(uid, accountId, late)
      await removeGrants(accountId, ending)
      if (accountId !== undefined) await store.unlink(keys.accountSessions(accountId), uid)
      audit.record('session.ended', { subject: accountId, ...who, sessionUid: uid, reason })
    },

    async endConsent(accountId, clientId) {
      // The consent goes first, so that no new grant is made from it. A repeated call does all of this again.
      await store.remove([keys.consent(accountId, clientId)])
      await store.unlink(keys.accountConsents(accountId), clientId)
      const grants = await accountGrants.listGrants(accountId)
      const ending = grants.filter((grant) => grant.clientId === clientId)
      await endAll(accountId, ending)
      const reason: EndReason = 'consent_withdrawn'
      audit.record('consent.withdrawn', { subject: accountId, clientId })
      for (const { grantId } of ending) audit.record('grant.ended', { subject: accountId, clientId, grantId, reason })
    },

    async endAccount(accountId, reason) {
      const [grants, sessions] = await Promise.all([
        accountGrants.listGrants(accountId),
        accountGrants.listSessions(accountId),
      ])
      await endAll(accountId, grants)
      await store.remove(sessions.map(({ uid }) => keys.session(uid)))
      await Promise.all(sessions.map(({ uid }) => store.unlink(keys.accountSessions(accountId), uid)))
      audit.record('account.access_ended', { subject: accountId, reason })
    },

    endClient: (clientId, reason) => endClients([clientId], reason),

    endClients,

    async endEverything(before = publishing.untilNow(), reason) {
      await revocationLog.publish({ before })
      await notBefore.raise(before)
      audit.record('everything.ended', { reason })
    },

    async endKey(keyId, longestTokenSeconds) {
      await revocationLog.publish({ kid: keyId }, { keepSeconds: keepSecondsFor(longestTokenSeconds) })
    },

    async endLostAgain() {
      const lost = await revocationLog.writeLostAgain()
      if (lost.length === 0) return
      await removeGrants(undefined, lost.flatMap(wholeGrantOf))
      for (const mark of lost.flatMap(notBeforeMark)) await notBefore.raise(mark.before, mark.client_id)
      audit.record('store.lapsed', { reason: `${lost.length} revocations` })
    },

    hasEnded: (issued) => notBefore.covers(issued),
  }
}

/** The grant that an entry ends as a whole. An entry with a time ends the tokens that were issued before it. */
function wholeGrantOf({ gid, before }: NewRevocation): string[] {
  return gid === undefined || before !== undefined ? [] : [gid]
}

/** The cut-off of an entry for everything, or for all of a client; not one for access tokens, or of a subject. */
function notBeforeMark({ before, client_id, sub, gid, tokens_only }: NewRevocation): NotBeforeMark[] {
  if (before === undefined || tokens_only === true || sub !== undefined || gid !== undefined) return []
  return [{ before, client_id }]
}

interface NotBeforeMark {
  readonly before: number
  readonly client_id: string | undefined
}
