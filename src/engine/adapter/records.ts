/**
 * Sign-ins under way and pushed authorization requests.
 *
 * Both hold a whole authorization request and are found by a value that only one browser or client knows, so they are
 * stored under its hash and sealed as a whole.
 */

import { type AdapterPayload, errors } from 'oidc-provider'

import { keys } from '../../store/keys.ts'
import { requestScope } from '../request/scope.ts'
import { countStranger, releaseStranger } from '../request/strangers.ts'
import { type AdapterParts, keptSeconds, type ModelAdapter } from './parts.ts'

export function recordAdapter(kind: 'interaction' | 'par', { store, sealer, strangers }: AdapterParts): ModelAdapter {
  return {
    async find(id) {
      const key = keys.hashed(kind, id)
      const reading = store.get(key)
      requestScope().seen.set(key, reading)
      const entry = await reading
      if (entry === undefined) return undefined
      const payload = JSON.parse(sealer.open(entry.value, key)) as AdapterPayload
      return entry.consumed === undefined ? payload : { ...payload, consumed: Math.floor(entry.consumed.atMs / 1000) }
    },

    async upsert(id, payload, expiresIn) {
      const key = keys.hashed(kind, id)
      const value = sealer.seal(JSON.stringify(payload), key)
      countStranger(strangers, value.length)
      await store.put(key, value, { ttlSeconds: keptSeconds(expiresIn) })
    },

    async consume(id) {
      // One authorization for one pushed request (RFC 9126 section 4).
      const { outcome } = await store.consume(keys.hashed(kind, id), requestScope().by)
      if (outcome !== 'won') throw new errors.InvalidRequestUri('request_uri is invalid, expired, or was already used')
    },

    async destroy(id) {
      const key = keys.hashed(kind, id)
      const entry = await requestScope().seen.get(key)
      await store.remove([key])
      if (entry !== undefined) releaseStranger(strangers, entry.value.length)
    },
  }
}
