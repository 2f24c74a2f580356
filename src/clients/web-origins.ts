/**
 * The origins at which clients have redirect URIs, so that a preflight, which names no client, is answered to those alone.
 *
 * Each origin has a record with some of its clients: as many as show that the origin is registered, not all. An origin
 * whose clients on record were all removed, while others remain, is registered again when one of those is written.
 */

import { monotonicClock, type Clock } from '../base/clock.ts'
import { originOf } from '../registry/client/redirect-uris.ts'
import type { ClientSettings } from '../registry/client/client.ts'
import { keys } from '../store/keys.ts'
import { over } from '../store/over.ts'
import type { Store } from '../store/store.ts'

export interface WebOrigins {
  /** Whether a client has a redirect URI at this origin; what was read is used for a second. */
  isRegistered(origin: string): Promise<boolean>
  /** Says at which origins the client is, before it is stored. */
  add(client: ClientSettings): Promise<void>
  /** Takes the client from the origins at which `after`, what is stored of it now, is no longer. */
  release(before: ClientSettings, after: ClientSettings | undefined): Promise<void>
}

export interface WebOriginsParts {
  readonly store: Pick<Store, 'get' | 'put'>
  /** Of clients that no store has. */
  readonly builtIn: readonly ClientSettings[]
  readonly monotonic?: Clock
}

const MOST_ON_RECORD = 64
const MOST_HELD = 2000
const HELD_MS = 1000

export function createWebOrigins({ store, builtIn, monotonic = monotonicClock }: WebOriginsParts): WebOrigins {
  const own = new Set(builtIn.flatMap(originsOf))
  const held = new Map<string, { readonly isRegistered: boolean; readonly untilMs: number }>()

  return {
    async isRegistered(origin) {
      if (own.has(origin)) return true
      const known = held.get(origin)
      if (known !== undefined && known.untilMs > monotonic()) return known.isRegistered
      const isRegistered = (await store.get(keys.webOrigin(origin))) !== undefined
      if (held.size >= MOST_HELD) held.clear()
      held.set(origin, { isRegistered, untilMs: monotonic() + HELD_MS })
      return isRegistered
    },

    async add(client) {
      const added = (ids: readonly string[]) =>
        ids.includes(client.clientId) || ids.length >= MOST_ON_RECORD ? ids : [...ids, client.clientId]
      await Promise.all(originsOf(client).map((origin) => change(origin, added)))
    },

    async release(before, after) {
      const kept = after === undefined ? [] : originsOf(after)
      const left = originsOf(before).filter((origin) => !kept.includes(origin))
      await Promise.all(left.map((origin) => change(origin, (ids) => ids.filter((id) => id !== before.clientId))))
    },
  }

  async function change(origin: string, changed: (ids: readonly string[]) => readonly string[]): Promise<void> {
    const key = keys.webOrigin(origin)
    for (;;) {
      const entry = await store.get(key)
      const ids = entry === undefined ? [] : (JSON.parse(entry.value) as string[])
      const next = changed(ids)
      if (next === ids || (next.length === ids.length && next.length === 0)) return
      const options = next.length === 0 ? { ttlSeconds: 0, ending: true } : {}
      if ((await store.put(key, JSON.stringify(next), { ...over(entry), ...options })) === 'stored') return
    }
  }
}

function originsOf({ redirectUris }: ClientSettings): string[] {
  return [...new Set(redirectUris.map(originOf).filter((origin) => origin !== undefined))]
}
