/** What only shows when clients and APIs are seen together: names used twice, and APIs or scopes that do not exist. */

import type { ApiEntry } from './api/rules.ts'
import type { ClientEntry } from './client/schema.ts'
import type { ApiSettings } from './api/api.ts'
import type { ClientSettings } from './client/client.ts'
import { hint, type Placed, pathText, repeated, shown } from './problems.ts'

export interface DeclaredEntries {
  readonly apis: readonly Placed<ApiEntry>[]
  readonly clients: readonly Placed<ClientEntry>[]
  readonly default_api?: string | undefined
}

/** The sentences about declared clients and APIs; `apis` and `clients` include those of the demo seed. */
export function referenceProblems(
  file: DeclaredEntries,
  apis: readonly ApiSettings[],
  clients: readonly ClientSettings[],
): string[] {
  const apisByName = new Map(apis.map((api) => [api.audience, api]))
  const clientsByName = new Map(clients.map((client) => [client.clientId, client]))
  const asking = new Set(apis.flatMap((api) => api.introspectedBy))
  return [
    ...repeated(
      file.apis.map(({ path, entry }) => ({ path: [...path, 'audience'], name: entry.audience })),
      apis.map((api) => api.audience),
    ),
    ...repeated(
      file.clients.map(({ path, entry }) => ({ path: [...path, 'client_id'], name: entry.client_id })),
      clients.map((client) => client.clientId),
    ),
    ...file.apis.flatMap((api) => introspectionProblems(api, clientsByName)),
    ...file.clients.flatMap((client) => [...apiProblems(client, apisByName), ...idleProblems(client, asking)]),
    ...defaultProblems(file.default_api, apisByName),
  ]
}

/**
 * A client that introspects for an API must authenticate; otherwise any caller could try tokens (RFC 7662 section 2.1).
 */
function introspectionProblems(
  { path, entry }: Placed<ApiEntry>,
  clients: ReadonlyMap<string, ClientSettings>,
): string[] {
  return entry.introspected_by.flatMap((clientId, index) => {
    const at = pathText([...path, 'introspected_by', index])
    const client = clients.get(clientId)
    if (client === undefined) {
      return [`${at} is ${shown(clientId)}, which is no client; ${hint(clientId, [...clients.keys()])}.`]
    }
    if (client.authMethod !== 'none') return []
    return [
      `${at} is ${shown(clientId)}, a public client, whose name any caller can use; it wants a client with credentials.`,
    ]
  })
}

/** A client without grant types is there to ask about tokens. */
function idleProblems({ path, entry }: Placed<ClientEntry>, asking: ReadonlySet<string>): string[] {
  if (entry.grant_types.length > 0 || asking.has(entry.client_id)) return []
  return [
    `${pathText([...path, 'grant_types'])} is an empty list, and no API names ${shown(entry.client_id)} in introspected_by, so it could do nothing; add a grant type or name it there.`,
  ]
}

function apiProblems({ path, entry }: Placed<ClientEntry>, apis: ReadonlyMap<string, ApiSettings>): string[] {
  return Object.entries(entry.apis).flatMap(([audience, scopes]) => {
    const api = apis.get(audience)
    if (api === undefined) {
      return [
        `${pathText([...path, 'apis', audience])} names an API that is not declared; ${hint(audience, [...apis.keys()])}.`,
      ]
    }
    return scopes
      .filter((scope) => !Object.hasOwn(api.scopes, scope))
      .map(
        (scope) =>
          `${pathText([...path, 'apis', audience])} has the scope ${shown(scope)}, which that API does not have; ${hint(scope, Object.keys(api.scopes))}.`,
      )
  })
}

function defaultProblems(audience: string | undefined, apis: ReadonlyMap<string, ApiSettings>): string[] {
  if (audience === undefined || apis.has(audience)) return []
  return [`default_api is ${shown(audience)}, which is no API; ${hint(audience, [...apis.keys()])}.`]
}
