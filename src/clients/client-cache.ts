/**
 * The clients that this server has used lately, bounded in number and in size.
 *
 * Reading allocates nothing: a read marks its entry, and an entry that was marked since it was last looked at is passed
 * over once when room is made (the second-chance algorithm).
 */

import type { Registered } from '../registry/origin.ts'
import type { ClientSettings } from '../registry/client/client.ts'

export type RegisteredClient = Registered<ClientSettings>

export interface ClientCache {
  read(clientId: string): RegisteredClient | undefined
  keep(record: RegisteredClient): void
  forget(clientId: string): void
  forgetAll(): void
}

interface Held {
  readonly record: RegisteredClient
  readonly bytes: number
  wasRead: boolean
}

export interface CacheBounds {
  readonly clients: number
  /** Of what clients say of themselves; in memory a client takes about three times that. */
  readonly bytes: number
}

// Measured by tools/bench/registry/main.ts: 52 MB more after each of 100,000 clients was used, with what the engine makes of them.
export const CACHE_BOUNDS: CacheBounds = { clients: 10_000, bytes: 12 * 1024 * 1024 }

export function createClientCache(bounds: CacheBounds = CACHE_BOUNDS): ClientCache {
  const held = new Map<string, Held>()
  let bytes = 0

  return {
    read(clientId) {
      const found = held.get(clientId)
      if (found === undefined) return undefined
      found.wasRead = true
      return found.record
    },

    keep(record) {
      const { clientId } = record.settings
      forget(clientId)
      const added = { record, bytes: sizeOf(record.settings), wasRead: false }
      if (added.bytes > bounds.bytes) return
      while (held.size >= bounds.clients || bytes + added.bytes > bounds.bytes) makeRoom()
      held.set(clientId, added)
      bytes += added.bytes
    },

    forget,

    forgetAll() {
      held.clear()
      bytes = 0
    },
  }

  function forget(clientId: string): void {
    bytes -= held.get(clientId)?.bytes ?? 0
    held.delete(clientId)
  }

  /**
   * Drops the oldest entry that was not read since the last round. Entries that were read move to the end of the queue.
   */
  function makeRoom(): void {
    for (const [clientId, one] of held) {
      if (!one.wasRead) {
        forget(clientId)
        return
      }
      one.wasRead = false
      held.delete(clientId)
      held.set(clientId, one)
    }
  }
}

const PLAIN_BYTES = 400

/** About as long as its text: what makes clients differ in size. */
function sizeOf({ redirectUris, postLogoutRedirectUris, apis, jwks, clientName }: ClientSettings): number {
  const addresses = redirectUris.join().length + postLogoutRedirectUris.join().length
  return PLAIN_BYTES + clientName.length + addresses + JSON.stringify(apis).length + JSON.stringify(jwks ?? '').length
}
