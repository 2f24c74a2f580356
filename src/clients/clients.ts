/**
 * The applications that may request tokens, as the store has them now.
 *
 * A server keeps the clients in use and reads any other once. A change is announced to every server
 * (records/registry-log.ts). While the store is away, the look-up of a client that is not cached throws
 * `StoreUnavailable`; it never says unknown.
 */

import { ClientUnknown } from '../faults/registry.ts'
import type { Records } from '../records/records.ts'
import type { RegistryLog } from '../records/registry-log.ts'
import type { ClientSettings } from '../registry/client/client.ts'
import { type ClientCache, createClientCache, type RegisteredClient } from './client-cache.ts'

export interface Clients {
  /** The client where this server holds it; costs no await and no allocation. Otherwise ask `findClient`. */
  heldClient(clientId: string): ClientSettings | undefined
  /** The client, unless it is unknown or disabled. Throws `StoreUnavailable`. */
  findClient(clientId: string): Promise<ClientSettings | undefined>
  /** Throws `ClientUnknown`, `StoreUnavailable`. */
  getClient(clientId: string): Promise<ClientSettings>
}

export interface ClientsParts {
  readonly records: Pick<Records<ClientSettings>, 'read'>
  readonly registryLog: Pick<RegistryLog, 'onChange' | 'isChanging'>
  /** Clients of the server itself, which no store has. */
  readonly builtIn: readonly ClientSettings[]
  readonly cache?: ClientCache
}

// The rules for clients allow no more (registry/client/schema.ts): nothing else is worth a look into the store.
const CLIENT_ID = /^[\x20-\x7e]{1,200}$/

export function createClients({ records, registryLog, builtIn, cache = createClientCache() }: ClientsParts): Clients {
  const own = new Map(builtIn.map((client) => [client.clientId, client]))
  // Callers that ask for the same client at the same time share one read.
  const reading = new Map<string, Promise<RegisteredClient | undefined>>()

  registryLog.onChange((name) => {
    if (name === undefined) {
      cache.forgetAll()
      reading.clear()
    } else if (name.startsWith('client ')) {
      cache.forget(name.slice('client '.length))
      reading.delete(name.slice('client '.length))
    }
  })

  function heldClient(clientId: string): ClientSettings | undefined {
    const settings = cache.read(clientId)?.settings ?? own.get(clientId)
    return settings?.disabled === true ? undefined : settings
  }

  async function findClient(clientId: string): Promise<ClientSettings | undefined> {
    const held = heldClient(clientId)
    if (held !== undefined || cache.read(clientId) !== undefined || !CLIENT_ID.test(clientId)) return held
    const settings = (await readOnce(clientId))?.settings
    return settings?.disabled === true ? undefined : settings
  }

  function readOnce(clientId: string): Promise<RegisteredClient | undefined> {
    const present = reading.get(clientId)
    if (present !== undefined) return present
    const read: Promise<RegisteredClient | undefined> = records.read(clientId).then(
      (record) => {
        // If the client changed meanwhile, the result of this read is outdated.
        const isCurrent = reading.get(clientId) === read
        if (isCurrent) reading.delete(clientId)
        if (isCurrent && record !== undefined && !registryLog.isChanging(`client ${clientId}`)) cache.keep(record)
        return record
      },
      (error: unknown) => {
        if (reading.get(clientId) === read) reading.delete(clientId)
        throw error
      },
    )
    reading.set(clientId, read)
    return read
  }

  return {
    heldClient,
    findClient,

    async getClient(clientId) {
      const client = await findClient(clientId)
      if (client === undefined) throw new ClientUnknown()
      return client
    },
  }
}
