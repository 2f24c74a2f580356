/**
 * What was revoked as a Security Event Token (RFC 8417), in the profile of the Shared Signals Framework 1.0.
 *
 * A session is a `session-revoked` of CAEP 1.0, a token or a grant a `token-revoked` of the OAuth Event Types. No event
 * of either says that a key, a client or a moment ends tokens: those entries have no event, and whoever must know of them
 * reads the feed.
 */

import { hashHandle } from '../../base/sealing.ts'
import type { LoggedRevocation } from '../revocation-log.ts'

const SESSION_REVOKED = 'https://schemas.openid.net/secevent/caep/event-type/session-revoked'
const TOKEN_REVOKED = 'https://schemas.openid.net/secevent/oauth/event-type/token-revoked'

export interface SecurityEvent {
  readonly jti: string
  readonly claims: Readonly<Record<string, unknown>>
}

export interface Between {
  readonly issuer: string
  /** Who the receiver is, to itself and to us. */
  readonly audience: string
}

/**
 * The same entry for the same receiver is the same event with the same `jti`, whichever node makes it: so what was
 * acknowledged to one node is known to all. No `sub` and no `exp`, by which it could pass for another JWT (SSF 1.0,
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
