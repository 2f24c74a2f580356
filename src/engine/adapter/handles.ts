/**
 * The format of bearer values: a letter for the kind, two characters of shard, 256 random bits. In a refresh token the
 * whole id of its grant stands in place of the shard, which is the beginning of that id: nothing is kept of a used
 * token by which its grant could be found.
 *
 * By the letter the adapter answers a look-up in the wrong model without the store (introspection without a hint asks
 * three models). The shard is the grant's, so a code, its grant and its successor are in the same shard of the store,
 * and one step can change them all. Neither part reveals the client or the person. A handle with any character changed
 * is unknown, because the store has only its hash.
 */

import { randomId } from '../../base/ids.ts'
import { keys, shardOf } from '../../store/keys.ts'
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

const HANDLE = /^(?:[a-z][\w-]{45}|r[\w-]{67})$/
const GRANT_ID = /^[\w-]{24}$/

/** A new handle. Tokens of a grant have the shard of the grant, tokens without a grant a random one. */
export function newHandle(model: HandleModel, grantId: string | undefined): string {
  const random = randomId()
  if (model === 'RefreshToken' && grantId !== undefined && GRANT_ID.test(grantId))
    return LETTERS[model] + grantId + random
  return LETTERS[model] + shardOf(grantId ?? randomId(2)) + random
}

/** The id of the grant in a refresh token; `undefined` in older tokens without it. By itself it proves nothing. */
export function grantIdIn(handle: string): string | undefined {
  return handle.length === 68 && HANDLE.test(handle) ? handle.slice(1, 25) : undefined
}

/** Where the store keeps this handle; `undefined` when it cannot be one of this model. */
export function handleKey(model: HandleModel, handle: string): Key | undefined {
  if (handle[0] !== LETTERS[model] || !HANDLE.test(handle)) return undefined
  return keys.handle(KINDS[model], handle.slice(1, 3), handle)
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
