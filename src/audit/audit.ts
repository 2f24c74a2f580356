/**
 * The audit trail: who did what, when, from where, and how it ended.
 *
 * The trail is kept apart from the log: in the store, shared by all nodes, for as long as the operator chose. An event
 * is recorded after it happened. Recording never fails the request. An event that the store did not take goes to the
 * log in full.
 */

import type { Clock } from '../base/clock.ts'
import { logs } from '../store/keys.ts'
import type { Store } from '../store/store.ts'
import type { Log } from './log.ts'
import { oneLine } from './one-line.ts'

/** Every event, and when it is recorded. docs/audit-events.md is printed from this list. */
export const AUDIT_EVENTS = {
  'account.created': 'An account was made.',
  'account.disabled': 'An account was disabled: its owner can no longer sign in.',
  'account.enabled': 'A disabled account was enabled again.',
  'account.password_changed': "An account's password was set.",
  'account.unlocked': 'The wrong passwords for an account were reset, so its owner can sign in at once.',
  'login.succeeded': 'A person signed in with a password.',
  'login.failed':
    'A password check failed. The reason says whether the account is unknown or disabled, or the password is wrong.',
  'login.throttled':
    'An account or an address reached its limit of failures; further sign-ins are refused without a check.',
  'login.busy': 'A sign-in was refused without a check, because too many password checks were waiting.',
  'consent.granted': 'A person granted an application what it asked for.',
  'consent.denied': 'A person refused an application what it asked for.',
  'account.removed': 'An account was removed, with every grant and session of its owner.',
  'account.access_ended': 'Every grant and session of a person was ended at once.',
  'consent.withdrawn': 'A person withdrew what they had granted to an application.',
  'session.ended': 'A browser session ended before its time, by logout or by an operator.',
  'token.revoked': 'One access token is refused from then on.',
  'grant.ended': 'A grant of an application ended; its codes and tokens are refused from then on.',
  'refresh_token.reused': 'A refresh token was used a second time, so its grant was ended.',
  'authorization_code.reused': 'An authorization code was redeemed a second time, so its grant was ended.',
  'client.added': 'A client was registered.',
  'client.changed': 'The settings of a client were changed.',
  'client.removed': 'A client was removed, and its access ended.',
  'client.secret_rotated': 'A client got a new secret; the old one stays valid for a while.',
  'api.added': 'An API was registered.',
  'api.changed': 'The settings of an API were changed.',
  'api.removed': 'An API was removed.',
  'client.access_ended': 'The access of a client was ended at once; everything issued to it before is refused.',
  'everything.ended': 'Everything issued before a given time was ended: tokens, grants and sessions.',
  'client.authentication_failed': 'A client failed to authenticate.',
  'request.refused':
    'A protocol endpoint refused a request; the reason is the one that the log has. Of many alike each power of ten is recorded.',
  'store.replaced': 'A server found its store emptied or replaced; everything issued before is refused.',
  'store.set_back': 'A server found its store set back to an earlier state; everything issued until then was ended.',
  'store.lapsed': 'A crash of the store lost its last writes; revocations that a server knew were written again.',
  'store.restored': 'The store was filled from a backup; the reason names the backup.',
  'keyring.created': 'The signing keys were made, at the first start with this store.',
  'keyring.key_published': 'A new key was published; it signs when every cache must have it.',
  'keyring.key_signing': 'A key began to sign.',
  'keyring.key_retired': 'A key stopped signing; it stays published until the last token it signed has expired.',
  'keyring.key_removed': 'A key was taken out of the JWKS.',
  'keyring.key_compromised': 'A compromised key was removed at once, and every token it signed is refused.',
  'keyring.cookie_key_rotated': 'Cookies are signed with a new key; cookies signed with the old one stay valid.',
  'keyring.resealed': 'The ring was sealed under another root key.',
} as const satisfies Record<string, string>

type AuditEvent = keyof typeof AUDIT_EVENTS

/** A closed list, so no secret can get in. Identifiers only: never a token, a handle, or the text typed as a login. */
interface AuditFields {
  /** The account's id. */
  readonly subject?: string | undefined
  readonly clientId?: string | undefined
  /** The address that the request came from. */
  readonly address?: string | undefined
  readonly outcome?: 'success' | 'failure' | undefined
  /** The reason, in a few words. */
  readonly reason?: string | undefined
  readonly grantId?: string | undefined
  /** The session's `uid`, not the value of its cookie. */
  readonly sessionUid?: string | undefined
  readonly keyId?: string | undefined
  /** The `jti` of a JWT, which is not a bearer value. */
  readonly tokenId?: string | undefined
  /** How many events of this kind there were so far, when not every one is recorded. */
  readonly count?: number | undefined
}

/** One line of the trail. */
export interface AuditRecord extends AuditFields {
  readonly event: AuditEvent
  /** ISO 8601, UTC. */
  readonly at: string
}

interface AuditEntry {
  /** The cursor for `read`, which continues after this entry. */
  readonly cursor: string
  readonly record: AuditRecord
}

export interface Audit {
  /** Returns at once and never throws. */
  record(event: AuditEvent, fields?: AuditFields): void
  /** Resolves when everything recorded so far is in the store or in the log. */
  settled(): Promise<void>
  /** Oldest first; from the start without `after`. */
  read(after: string | undefined, limit: number): Promise<AuditEntry[]>
}

export interface AuditOptions {
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  /** How long an event is kept; 90 days unless set. */
  readonly keepSeconds?: number
}

const KEEP_SECONDS = 90 * 86_400

export function createAudit({ store, clock, log, keepSeconds = KEEP_SECONDS }: AuditOptions): Audit {
  const pending = new Set<Promise<void>>()

  async function append(record: AuditRecord): Promise<void> {
    try {
      await store.append(logs.audit, oneLine(JSON.stringify(record)), keepSeconds)
    } catch (err) {
      log.event('audit_not_stored', { err, audit: record })
    }
  }

  return {
    record(event, fields = {}) {
      const appended = append({ event, at: new Date(clock()).toISOString(), ...shortened(fields) })
      pending.add(appended)
      void appended.finally(() => pending.delete(appended))
    },

    async settled() {
      await Promise.all(pending)
    },

    async read(after, limit) {
      const entries = await store.read(logs.audit, after, limit)
      return entries.map(({ cursor, value }) => ({ cursor, record: JSON.parse(value) as AuditRecord }))
    },
  }
}

// Our longest identifier has 47 characters; a client_id of a request may be as long as the request.
const LONGEST_FIELD = 256

function shortened(fields: AuditFields): AuditFields {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === 'number' ? value : String(value).slice(0, LONGEST_FIELD)]),
  )
}
