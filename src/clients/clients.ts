/**
 * The applications that may ask for tokens.
 *
 * They come from the configuration and live in memory: no request waits for the store to learn who its client is.
 */

import { ClientUnknown } from '../base/faults.ts'
import type { ClientSettings } from '../config/config.ts'

export interface Clients {
  findClient(clientId: string): ClientSettings | undefined
  /** Throws `ClientUnknown`. */
  getClient(clientId: string): ClientSettings
  listClients(): readonly ClientSettings[]
}

export function createClients(settings: readonly ClientSettings[]): Clients {
  const byId = new Map(settings.map((client) => [client.clientId, client]))
  if (byId.size < settings.length) throw new TypeError('two clients have the same clientId')

  return {
    findClient: (clientId) => byId.get(clientId),

    getClient(clientId) {
      const client = byId.get(clientId)
      if (client === undefined) throw new ClientUnknown()
      return client
    },

    listClients: () => settings,
  }
}
