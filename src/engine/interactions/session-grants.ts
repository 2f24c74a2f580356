/**
 * One grant for each client in a session, however many requests create one at once.
 *
 * The engine refuses a code whose grant is not the one in the session. If two tabs sign in silently at the same time,
 * each with its own grant, one of them would lose its code. So a grant is stored first and then named as the session's
 * grant, once. The second request drops its own grant and continues with the named one.
 */

import type { Client, Grant, Provider } from 'oidc-provider'

import { keys } from '../../store/keys.ts'
import { over } from '../../store/over.ts'
import type { Store } from '../../store/store.ts'
import { newGrantId } from '../adapter/handles.ts'

export interface SessionGrants {
  /** Stores a new grant, or returns the one that the session has for this client. */
  settle(provider: Provider, grant: Grant, of: SessionOfClient): Promise<Grant>
}

export interface SessionOfClient {
  readonly sessionUid: string
  readonly client: Client
}

interface Parts {
  readonly store: Pick<Store, 'get' | 'put' | 'remove' | 'unlink'>
  /** A page that was opened before there was a grant may be answered for so long. */
  readonly lifetimes: { readonly interactionSeconds: number }
}

// A request may outlast the page that it came from by some seconds.
const UNDER_WAY_SECONDS = 60

export function createSessionGrants({ store, lifetimes }: Parts): SessionGrants {
  const ttlSeconds = lifetimes.interactionSeconds + UNDER_WAY_SECONDS

  return {
    async settle(provider, grant, { sessionUid, client }) {
      const key = keys.sessionGrant(sessionUid, client.clientId)
      for (;;) {
        const entry = await store.get(key)
        const named = entry && (await provider.Grant.find(entry.value))
        if (named !== undefined && named.accountId === grant.accountId) return named
        grant.jti = shardedId(sessionUid, client)
        await grant.save()
        if ((await store.put(key, grant.jti, { ttlSeconds, ...over(entry) })) === 'stored') return grant
        await store.remove([keys.grant(grant.jti)])
        if (grant.accountId !== undefined) await store.unlink(keys.accountGrants(grant.accountId), grant.jti)
      }
    },
  }
}

/** What shares a session shares its shard; a client with pairwise subjects must share nothing with another. */
function shardedId(sessionUid: string, { subjectType }: Client): string {
  return newGrantId(subjectType === 'pairwise' ? undefined : sessionUid)
}
