/**
 * Clients and APIs as text: the same text for the same settings, whatever the order in which they were declared.
 *
 * The order of mappings is dropped and the order of lists is kept: the first redirect URI decides the sector of a pairwise
 * client.
 */

import type { ApiSettings } from './api/api.ts'
import type { ClientSettings } from './client/client.ts'
import { PLAIN_CLIENT } from './client/plain-client.ts'

export function clientText(settings: ClientSettings): string {
  return JSON.stringify(sorted(settings))
}

export function clientFrom(text: string): ClientSettings {
  return frozen({ ...PLAIN_CLIENT, ...(JSON.parse(text) as ClientSettings) })
}

export function apiText({ secret, ...settings }: ApiSettings): string {
  return JSON.stringify(sorted({ ...settings, secret: secret && Buffer.from(secret).toString('base64') }))
}

export function apiFrom(text: string): ApiSettings {
  const { secret, ...settings } = JSON.parse(text) as Omit<ApiSettings, 'secret'> & { secret?: string }
  return frozen({ ...settings, secret: secret === undefined ? undefined : Buffer.from(secret, 'base64') })
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).filter(([, inner]) => inner !== undefined)
  return Object.fromEntries(members.sort(byName).map(([name, inner]) => [name, sorted(inner)]))
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1
}

function frozen<Value>(value: Value): Value {
  // The bytes behind a typed array cannot be frozen.
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  for (const inner of Object.values(value)) frozen(inner)
  return Object.freeze(value)
}
