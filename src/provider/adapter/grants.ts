/**
 * Grants: what a person allowed one client in one session.
 *
 * A grant that was read in this request and has ended since is not written back: it would rise from the dead.
 */

import { type AdapterPayload, errors } from 'oidc-provider'

import { keys } from '../../store/keys.ts'
import { requestScope } from '../request-scope.ts'
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
      const wasRead = (await seen.get(key)) !== undefined
      seen.delete(key)
      const { jti: _id, ...kept } = payload
      const ttlSeconds = keptSeconds(expiresIn)
      // Listed before it is used: whoever ends the account afterwards finds it.
      const [outcome] = await Promise.all([
        store.put(key, JSON.stringify(kept), { ttlSeconds, ...(wasRead ? { ifPresent: [key] } : {}) }),
        payload.accountId !== undefined && store.link(keys.accountGrants(payload.accountId), id, ttlSeconds),
      ])
      if (outcome === 'gone') throw new errors.AccessDenied('the grant has ended')
    },

    async destroy(id) {
      await endOnce(parts, id)
    },
  }
}
