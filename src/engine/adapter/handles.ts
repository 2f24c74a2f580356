/**
 * The format of bearer values: a letter for the kind, two characters of shard, seven of the moment, 256 random bits. In
 * a refresh token the whole id of its grant stands in place of the shard, which is the beginning of that id: nothing is
 * kept of a used token by which its grant could be found. Older handles without a moment stay valid.
 *
 * By the letter the adapter answers a look-up in the wrong model without the store (introspection without a hint asks
 * three models). The shard is the grant's, so a code, its grant and its successor are in the same shard of the store,
 * and one step can change them all. By the moment the embedded store keeps tokens of one time together
 * (store/moment.ts). No part reveals the client or the person. A handle with any character changed is unknown, because
 * the store has only its hash.
 */

import { randomId } from '../../base/ids.ts'
import { keys, shardOf } from '../../store/keys.ts'
import { momentAt } from '../../store/moment.ts'
import type { Key } from '../../store/store.ts'

/** The engine's models whose values are handles, with the letter each begins with. */
const LETTERS = {
  AuthorizationCode: 'c',
  RefreshToken: 'r',
  AccessToken: 'a',
  ClientCredentials: 'm',
} as const

export type HandleModel = keyof typeof LETTERS

const KINDS: Record<HandleModel, string> = {
  AuthorizationCode: 'code',
  RefreshToken: 'refresh',
  AccessToken: 'access',
  ClientCredentials: 'machine',
}

const SHARD_LENGTH = 2
const HANDLE = /^(?:[a-z][\w-]{2}|r(?<grantId>[\w-]{24}))(?<moment>[0-9a-f]{7})?[\w-]{43}$/
const GRANT_ID = /^[\w-]{24}$/

/** A new handle. Tokens of a grant have the shard of the grant, tokens without a grant a random one. */
export function newHandle(model: HandleModel, grantId: string | undefined, nowMs: number): string {
  const random = momentAt(nowMs) + randomId()
  if (model === 'RefreshToken' && grantId !== undefined && GRANT_ID.test(grantId))
    return LETTERS[model] + grantId + random
  return LETTERS[model] + shardOf(grantId ?? randomId(2)) + random
}

/** The id of the grant in a refresh token; `undefined` in older tokens without it. By itself it proves nothing. */
export function grantIdIn(handle: string): string | undefined {
  return HANDLE.exec(handle)?.groups?.grantId
}

/** Where the store keeps this handle; `undefined` when it cannot be one of this model. */
export function handleKey(model: HandleModel, handle: string): Key | undefined {
  const parts = handle[0] === LETTERS[model] ? HANDLE.exec(handle) : null
  return parts === null
    ? undefined
    : keys.handle(KINDS[model], handle.slice(1, 1 + SHARD_LENGTH), parts.groups?.moment, handle)
}

/** The models of access tokens: a person's, and a machine's. */
export type AccessTokenModel = Extract<HandleModel, 'AccessToken' | 'ClientCredentials'>

export function isAccessTokenModel(model: HandleModel): model is AccessTokenModel {
  return model === 'AccessToken' || model === 'ClientCredentials'
}

/** Which model this handle would be of. */
export function modelOf(handle: string): HandleModel | undefined {
  const entries = Object.entries(LETTERS) as [HandleModel, string][]
  return entries.find(([, letter]) => letter === handle[0])?.[0]
}

export function isHandleModel(model: string): model is HandleModel {
  return model in LETTERS
}

/** A new grant id, in the shard of the browser session in which the grant is given. */
export function newGrantId(sessionUid: string | undefined): string {
  return shardOf(sessionUid ?? randomId(2)) + randomId(16)
}
