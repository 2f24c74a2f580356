/** The revocation of one node, on a store of the test. */

import { type Audit, createAudit } from '../../src/audit/audit.ts'
import { createLog } from '../../src/audit/log.ts'
import type { Clock } from '../../src/base/clock.ts'
import { type Endings, openEndings } from '../../src/core.ts'
import { keys } from '../../src/store/keys.ts'
import type { Store } from '../../src/store/store.ts'

export const KEEP_SECONDS = 660
const LONGEST_SECONDS = 86_400

export interface RevocationFixture extends Endings {
  readonly audit: Audit
}

export async function openRevocation(
  store: Store,
  clock: Clock,
  { longestSeconds = LONGEST_SECONDS }: { readonly longestSeconds?: number } = {},
): Promise<RevocationFixture> {
  const audit = createAudit({ store, clock, log: createLog({ level: 'silent' }) })
  const endings = await openEndings({
    ...{ store, clock, audit, keepSeconds: () => KEEP_SECONDS, longestSeconds },
    subjectOf: async (accountId) => accountId,
  })
  return { ...endings, audit }
}

/** A grant with one token, as the adapter leaves them. */
export async function aGrant(store: Store, grantId: string, accountId = 'usr_ana', clientId = 'app') {
  const token = `refresh:{${grantId.slice(0, 2)}}:of-${grantId}` as const
  await store.put(keys.grant(grantId), JSON.stringify({ accountId, clientId, iat: 1 }), { ttlSeconds: 3600 })
  await store.link(keys.accountGrants(accountId), grantId, 3600)
  await store.put(token, 'x', { ttlSeconds: 3600, memberOf: keys.grantMembers(grantId) })
  return token
}

/** The store, with one verb replaced. */
export function withVerb<Verb extends keyof Store>(store: Store, verb: Verb, instead: Store[Verb]): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name === verb) return instead
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}
