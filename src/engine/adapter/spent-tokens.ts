/**
 * Used refresh tokens whose entry is gone.
 *
 * The entry is kept during the idempotent window. After it the store remembers only that the token was used. That is
 * enough: when the token is presented again, its grant ends (RFC 9700 section 4.14.2), and the token contains the
 * grant's id.
 */

import { type AdapterPayload, Provider } from 'oidc-provider'

import type { GrantRecord } from '../../grants/account-grants.ts'
import { keys } from '../../store/keys.ts'
import type { ConsumeOptions, Key } from '../../store/store.ts'
import { grantIdIn } from './handles.ts'
import { requestScope, type Source } from '../request/scope.ts'
import type { AdapterParts } from './parts.ts'

// A request that lost its reply consumes again within the time-outs of the store, and must then win again.
const LEAST_KEPT_SECONDS = 15

/** How this token is remembered when it is consumed. An older token without the grant's id is not. */
export function remembered({ model, handle }: Source, noteSeconds: number): Pick<ConsumeOptions, 'spent'> {
  const grantId = model === 'RefreshToken' ? grantIdIn(handle) : undefined
  if (grantId === undefined) return {}
  return { spent: { in: keys.spent(grantId), keepSeconds: Math.max(noteSeconds, LEAST_KEPT_SECONDS) } }
}

/** A used refresh token of a grant that lives, with as much as the engine needs to see that it was used. */
export async function findSpent(parts: AdapterParts, handle: string, key: Key): Promise<AdapterPayload | undefined> {
  const { store, clients, revocation } = parts
  const grantId = grantIdIn(handle)
  if (grantId === undefined) return undefined
  const grantKey = keys.grant(grantId)
  const [isSpent, grant] = await Promise.all([store.wasSpent(keys.spent(grantId), key), store.get(grantKey)])
  if (!isSpent || grant === undefined) return undefined

  const { clientId, accountId, iat, exp } = JSON.parse(grant.value) as GrantRecord & { exp?: number }
  if (clientId === undefined || (await clients.findClient(clientId)) === undefined) return undefined
  if (revocation.hasEnded({ clientId, issuedAt: iat })) return undefined
  requestScope().seen.set(grantKey, Promise.resolve(grant))
  return {
    ...{ jti: handle, kind: 'RefreshToken', grantId, clientId, accountId, iat, exp, consumed: iat ?? true },
    // The engine compares the scopes before it looks whether the token was used; which it had is no longer known.
    scope: Provider.ctx?.oidc?.params?.scope,
  } as AdapterPayload
}
