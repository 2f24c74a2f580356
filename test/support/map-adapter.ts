/**
 * The first reference's storage: plain maps, nothing evicted, every answer within a microtask.
 *
 * It is what an adapter costs when it costs nothing. It forgets everything, keeps everything for ever, and hides every
 * race; no server could run on it.
 */

import type { Adapter, AdapterPayload } from 'oidc-provider'

export function createMapAdapters(): (model: string) => Adapter {
  const removals = new Map<string, (() => void)[]>()
  return (model) => createMapAdapter(model, removals)
}

/** `removals` forgets, for each grant, what was stored under it. */
function createMapAdapter(model: string, removals: Map<string, (() => void)[]>): Adapter {
  const records = new Map<string, AdapterPayload>()
  const byUid = new Map<string, string>()
  const ofGrants = model !== 'Grant'

  return {
    async upsert(id, payload) {
      records.set(id, payload)
      if (payload.uid !== undefined) byUid.set(payload.uid, id)
      if (!ofGrants || payload.grantId === undefined) return
      const known = removals.get(payload.grantId)
      const removal = () => void records.delete(id)
      if (known === undefined) removals.set(payload.grantId, [removal])
      else known.push(removal)
    },

    async find(id) {
      return records.get(id)
    },

    async findByUid(uid) {
      return records.get(byUid.get(uid) ?? '')
    },

    async findByUserCode() {
      return undefined
    },

    async consume(id) {
      const record = records.get(id)
      if (record !== undefined) record.consumed = Math.floor(Date.now() / 1000)
    },

    async destroy(id) {
      records.delete(id)
    },

    async revokeByGrantId(grantId) {
      for (const remove of removals.get(grantId) ?? []) remove()
      removals.delete(grantId)
    },
  }
}
