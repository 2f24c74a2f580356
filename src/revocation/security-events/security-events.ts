/**
 * A revocation as a Security Event Token (RFC 8417), in the profile of the Shared Signals Framework 1.0.
 *
 * A session is a `session-revoked` of CAEP 1.0, a token or a grant a `token-revoked` of the OAuth Event Types. Neither
 * has an event that says that a key, a client or a cut-off ends tokens. Those entries have no event; receivers that
 * need them read the feed.
 */

import { hashHandle } from '../../base/sealing.ts'
import type { LoggedRevocation } from '../live-entries.ts'

const SESSION_REVOKED = 'https://schemas.openid.net/secevent/caep/event-type/session-revoked'
const TOKEN_REVOKED = 'https://schemas.openid.net/secevent/oauth/event-type/token-revoked'

export interface SecurityEvent {
  readonly jti: string
  readonly claims: Readonly<Record<string, unknown>>
}

export interface Between {
  readonly issuer: string
  /** The receiver's id for this server, and its audience. */
  readonly audience: string
}

/**
 * The same entry for the same receiver is the same event with the same `jti` on every node, so an acknowledgement to
 * one node counts for all. No `sub` and no `exp`, so that it cannot be taken for another kind of JWT (SSF 1.0,
 * "Distinguishing SETs from other Kinds of JWTs").
 */
export function securityEvent(entry: LoggedRevocation, { issuer, audience }: Between): SecurityEvent | undefined {
  const about = subjectOf(entry, issuer)
  if (about === undefined) return undefined
  const text = JSON.stringify(entry)
  const jti = hashHandle(`${audience}\n${text}`)
  const claims = { iss: issuer, aud: audience, iat: entry.at, jti, txn: hashHandle(text), ...about }
  return { jti, claims }
}

function subjectOf({ sid, jti, gid, at }: LoggedRevocation, issuer: string): object | undefined {
  const revoked = { event_timestamp: at }
  if (sid !== undefined) return { sub_id: { format: 'opaque', id: sid }, events: { [SESSION_REVOKED]: revoked } }
  if (jti !== undefined) {
    return { sub_id: { format: 'jwt_id', iss: issuer, jti }, events: { [TOKEN_REVOKED]: tokenNamed('jti', jti) } }
  }
  if (gid === undefined) return undefined
  return { sub_id: { format: 'opaque', id: gid }, events: { [TOKEN_REVOKED]: tokenNamed('gid', gid) } }
}

/**
 * The event type wants its own kind of subject as well (OAuth Event Types, section 2.1), which names a token by its text,
 * its beginning or its hash. We keep none of them, and say by which claim the tokens are to be found.
 */
function tokenNamed(claim: 'jti' | 'gid', token: string): object {
  return {
    subject: { subject_type: 'oauth_token', token_type: 'access_token', token_identifier_alg: claim, token },
  }
}
