/**
 * Grants: what a person allowed one client in one session.
 *
 * A grant that was read in this request and has ended since is not written back: it would rise from the dead.
 */

import { type AdapterPayload, errors } from 'oidc-provider'

import { keys } from '../../store/keys.ts'
import type { Entry, Key } from '../../store/store.ts'
import { requestScope } from '../request/scope.ts'
import { type AdapterParts, keptSeconds, type ModelAdapter } from './parts.ts'
import { endOnce } from './endings.ts'

export function grantAdapter(parts: AdapterParts): ModelAdapter {
  const { store, revocation } = parts

  return {
    async find(id) {
      const key = keys.grant(id)
      const { seen } = requestScope()
      const reading = seen.get(key) ?? store.get(key)
      seen.set(key, reading)
      const entry = await reading
      if (entry === undefined) return undefined
      const payload = JSON.parse(entry.value) as AdapterPayload
      if (revocation.hasEnded({ clientId: payload.clientId, issuedAt: payload.iat })) return undefined
      return { ...payload, jti: id }
    },

    async upsert(id, payload, expiresIn) {
      const key = keys.grant(id)
      const { seen } = requestScope()
      const read = await seen.get(key)
      seen.delete(key)
      const { jti: _id, ...kept } = payload
      const ttlSeconds = keptSeconds(expiresIn)
      // Listed before it is used, so that an ending of the account finds it.
      await Promise.all([
        save(key, kept as GrantPayload, { read, ttlSeconds }),
        payload.accountId !== undefined && store.link(keys.accountGrants(payload.accountId), id, ttlSeconds),
      ])
    },

    async destroy(id) {
      await endOnce(parts, id)
    },
  }

  /** Over the version that was read; what another request added meanwhile stays. */
  async function save(key: Key, kept: GrantPayload, { read, ttlSeconds }: Saving): Promise<void> {
    let present = read
    let value = kept
    for (let round = 0; round < MERGE_ROUNDS; round++) {
      const options = present === undefined ? { ttlSeconds } : { ttlSeconds, ifVersion: present.version }
      const outcome = await store.put(key, JSON.stringify(value), options)
      if (outcome === 'stored') return
      present = outcome === 'changed' ? await store.get(key) : undefined
      if (present === undefined) throw new errors.AccessDenied('the grant has ended')
      value = widened(value, JSON.parse(present.value) as GrantPayload)
    }
    throw new Error(`a grant was changed by others ${MERGE_ROUNDS} times in a row`)
  }
}

interface Saving {
  readonly read: Entry | undefined
  readonly ttlSeconds: number
}

// As many as a browser can have requests under way (see sessions.ts).
const MERGE_ROUNDS = 100

interface GrantPayload extends Omit<AdapterPayload, 'resources' | 'openid'> {
  readonly resources?: Readonly<Record<string, string>>
  readonly openid?: { readonly scope?: string }
}

/** A grant only grows while it lives; less is another grant. */
function widened(ours: GrantPayload, theirs: GrantPayload): GrantPayload {
  const audiences = new Set([...Object.keys(ours.resources ?? {}), ...Object.keys(theirs.resources ?? {})])
  const resources = [...audiences].map((one) => [one, both(ours.resources?.[one], theirs.resources?.[one])] as const)
  return {
    ...ours,
    ...(audiences.size === 0 ? {} : { resources: Object.fromEntries(resources) }),
    openid: { ...theirs.openid, ...ours.openid, scope: both(ours.openid?.scope, theirs.openid?.scope) },
  }
}

function both(some = '', more = ''): string {
  return [...new Set([...some.split(' '), ...more.split(' ')].filter(Boolean))].join(' ')
}
