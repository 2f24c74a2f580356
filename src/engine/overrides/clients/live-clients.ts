/**
 * The engine's clients, as the registry has them now.
 *
 * Replaces `Client.find`. The engine reads a client from its adapter, hashes it, and caches a hundred. Here the
 * engine's model of a client lives as long as its settings are cached, so a change of the settings is in force at the
 * next request. A request keeps the settings that it began with.
 */

import { type Client, Provider } from 'oidc-provider'

import { StrangersBounded } from '../../../faults/store.ts'
import type { Clients } from '../../../clients/clients.ts'
import { limitAddress } from '../../../limits/address.ts'
import type { Failures } from '../../../limits/failures.ts'
import type { ClientSettings } from '../../../registry/client/client.ts'
import { clientMetadata } from '../../configuration/client-metadata.ts'
import { keepSettings } from '../../request/client-settings.ts'
import { answering } from '../../request/errors.ts'
import type { Override } from '../override.ts'

export const liveClients: Override<LiveClientParts> = {
  members: ['Client.find'],
  without: 'refuse',
  apply: findLiveClients,
}

export interface LiveClientParts {
  readonly clients: Clients
  /** Counts look-ups of identifiers that no client has, by address: each of them asks the store. */
  readonly unknownClients: Failures
}

function findLiveClients(provider: Provider, { clients, unknownClients }: LiveClientParts): void {
  const models = new WeakMap<ClientSettings, Client>()

  Reflect.set(provider.Client, 'find', async function find(id: unknown): Promise<Client | undefined> {
    if (typeof id !== 'string' || id === '') return undefined
    const settings = clients.heldClient(id) ?? (await answering(() => lookUp(id)))
    return settings && modelOf(settings)
  })

  async function lookUp(id: string): Promise<ClientSettings | undefined> {
    const address = Provider.ctx === undefined ? undefined : limitAddress(Provider.ctx.ip)
    if (address !== undefined && unknownClients.secondsToWait(address) !== undefined) {
      throw new StrangersBounded('of_network', { detail: `${address} asked for too many clients that do not exist` })
    }
    const settings = await clients.findClient(id)
    if (settings === undefined && address !== undefined) unknownClients.count(address)
    return settings
  }

  function modelOf(settings: ClientSettings): Client {
    const present = models.get(settings)
    if (present !== undefined) return present
    const made = makeModel(provider, settings)
    models.set(settings, made)
    return made
  }
}

/** Why the engine refuses these settings; `undefined` where it takes them. */
export function refusalOf(provider: Provider, settings: ClientSettings): string | undefined {
  try {
    makeModel(provider, settings)
    return undefined
  } catch (error) {
    return (error as { error_description?: string }).error_description ?? (error as Error).message
  }
}

/** Throws where the engine refuses the metadata. */
function makeModel(provider: Provider, settings: ClientSettings): Client {
  const Model = provider.Client as unknown as new (metadata: object) => Client
  return keepSettings(new Model(clientMetadata(settings)), settings)
}
