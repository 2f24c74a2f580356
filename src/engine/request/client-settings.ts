/** The registry's settings of a request's client: the same until the request ends. */

import type { Client } from 'oidc-provider'

import type { ClientSettings } from '../../registry/client/client.ts'

const SETTINGS = Symbol('settings')

export function keepSettings(client: Client, settings: ClientSettings): Client {
  return Object.defineProperty(client, SETTINGS, { value: settings })
}

/** Throws `TypeError` for a client that was not found through the registry. */
export function settingsOf(client: Client | undefined): ClientSettings {
  const settings = client && (Reflect.get(client, SETTINGS) as ClientSettings | undefined)
  if (settings === undefined) throw new TypeError('a client without settings')
  return settings
}
