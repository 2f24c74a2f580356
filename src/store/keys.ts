/**
 * Every name in the store.
 *
 * A key reads `kind:{shard}:id`. The shard is two characters; what must be touched in one step shares it: a session
 * (`uid`), the grants given in it, and every code and token of those grants. 4,096 shards spread over a Cluster's slots.
 * Bearer values appear only hashed.
 */

import { hash } from 'node:crypto'

import { hashHandle } from '../base/sealing.ts'
import { withMoment } from './moment.ts'
import type { Key } from './store.ts'

const SHARD_LENGTH = 2

/** The shard of an id that is its own shard: its first two characters. */
export function shardOf(id: string): string {
  return id.slice(0, SHARD_LENGTH)
}

/** The shard in the name of a key: what stands between the braces, which a Cluster hashes. */
export function shardIn(key: Key): string {
  return key.slice(key.indexOf('{') + 1, key.indexOf('}'))
}

/** One of 256 shards, for ids that begin alike. */
function spread(id: string): string {
  return hash('sha256', id, 'hex').slice(0, SHARD_LENGTH)
}

/** Every shard over which clients are spread. */
export function clientShards(): string[] {
  return Array.from({ length: 256 }, (_, at) => at.toString(16).padStart(SHARD_LENGTH, '0'))
}

export function clientShard(clientId: string): string {
  return spread(clientId)
}

function own(kind: string, id: string): Key {
  return `${kind}:{${shardOf(id)}}:${id}`
}

export const keys = {
  /** A code or token by its bearer value, in which its shard and moment stand (see engine/adapter/handles.ts). */
  handle: (kind: string, shard: string, moment: string | undefined, handle: string): Key =>
    `${kind}:{${shard}}:${moment === undefined ? hashHandle(handle) : withMoment(moment, hashHandle(handle))}`,
  /** Anything else that is found by a bearer value. */
  hashed: (kind: string, handle: string): Key => own(kind, hashHandle(handle)),
  grant: (grantId: string): Key => own('grant', grantId),
  /** Lists the codes and tokens of a grant. */
  grantMembers: (grantId: string): Key => own('grant-members', grantId),
  /** Remembers the used refresh tokens of a grant. */
  spent: (grantId: string): Key => own('spent', grantId),
  session: (uid: string): Key => own('session', uid),
  /** In the shard of all logs. */
  logShard: (): Key => 'logs:{log}:all',
  /** A key of the same shard that is never there. */
  nothingNear: (key: Key): Key => `nothing:{${shardIn(key)}}:`,
  /** The grant that a client has in a session, while requests may be under way that would make another. */
  sessionGrant: (uid: string, clientId: string): Key => own('session-grant', hashHandle(`${uid}\n${clientId}`)),
  /** From the session id in the cookie to the session's `uid`. */
  sessionId: (id: string): Key => own('session-id', hashHandle(id)),
  consent: (accountId: string, clientId: string): Key => own('consent', hashHandle(`${accountId}\n${clientId}`)),
  /** Lists the clients with which a person agreed to something. */
  accountConsents: (accountId: string): Key => own('account-consents', hashHandle(accountId)),
  /** Account ids all begin alike and end at random. */
  account: (accountId: string): Key => `account:{${accountId.slice(-SHARD_LENGTH)}}:${accountId}`,
  /** From what a person types as login, under a keyed hash, to the account's id. */
  login: (loginHash: string): Key => own('login', loginHash),
  /** Lists the grants that a person gave, and the sessions in which they are signed in. */
  accountGrants: (accountId: string): Key => own('account-grants', hashHandle(accountId)),
  accountSessions: (accountId: string): Key => own('account-sessions', hashHandle(accountId)),
  /** The not-before marks, of single clients and of everything. */
  notBefore: (): Key => 'ended:{en}:marks',
  client: (clientId: string): Key => `client:{${spread(clientId)}}:${clientId}`,
  /** Lists the clients of one of the shards over which they are spread. */
  clientList: (shard: string): Key => `client-list:{${shard}}:all`,
  /** All APIs stand in one shard: every server holds all of them. */
  api: (audience: string): Key => `api:{ap}:${hashHandle(audience)}`,
  apiList: (): Key => 'api-list:{ap}:all',
  /** What grantor.yaml declared when it was last applied. */
  declared: (): Key => 'declared:{de}:file',
  /** The clients that have a redirect URI at an origin. */
  webOrigin: (origin: string): Key => own('web-origin', hashHandle(origin)),
  keyring: (): Key => 'keyring:{kr}:ring',
  /** Which store this is (see identity.ts). */
  identity: (): Key => 'identity:{id}:store',
  /** Written by every server once a second; its version is the progress mark. */
  progress: (): Key => 'identity:{id}:progress',
  /** Says that the store was opened from a copy, so that it may be behind what was acknowledged. */
  copied: (): Key => 'identity:{id}:copied',
  /** Says that a ring was made in this store. In another shard than the ring, so that it may outlive it. */
  ringMade: (): Key => 'identity:{id}:ring-made',
  /** The version of the ring that a verifier holds. */
  verifier: (verifierId: string): Key => `verifier:{kr}:${verifierId}`,
  /** Lists the verifiers that fetched the JWKS lately. */
  verifiers: (): Key => 'verifiers:{kr}:all',
  /** How far a receiver of security events has taken them. */
  setPlace: (receiver: string): Key => own('set-place', hashHandle(receiver)),
  /** Held by the node that pushes to a receiver. */
  pushLease: (receiver: string): Key => own('push-lease', hashHandle(receiver)),
  /** A count of attempts, by the keyed hash of its subject. */
  limit: (rule: string, subjectHash: string): Key => own(`limit-${rule}`, subjectHash),
} as const

/** The logs that are kept in the store. */
export const logs = {
  audit: 'audit',
  revocations: 'revocations',
  /** Wakes the nodes that follow the ring. */
  keyring: 'keyring',
  /** Tells the nodes which clients and APIs change. */
  registry: 'registry',
} as const
