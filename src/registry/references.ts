/** What only shows when clients and APIs are seen together: names used twice, and APIs or scopes that do not exist. */

import type { ApiEntry } from './api/rules.ts'
import type { ClientEntry } from './client/schema.ts'
import type { ApiSettings } from './api/api.ts'
import type { ClientSettings } from './client/client.ts'
import { hint, type Placed, pathText, shown, twice } from './problems.ts'

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
  return [
    ...file.apis.flatMap(({ path, entry }) =>
      twice(
        pathText([...path, 'audience']),
        entry.audience,
        apis.map((api) => api.audience),
      ),
    ),
    ...file.clients.flatMap(({ path, entry }) =>
      twice(
        pathText([...path, 'client_id']),
        entry.client_id,
        clients.map((client) => client.clientId),
      ),
    ),
    ...file.apis.flatMap((api) => introspectionProblems(api, clients)),
    ...file.clients.flatMap((client) => [...apiProblems(client, apis), ...idleProblems(client, apis)]),
    ...defaultProblems(file.default_api, apis),
  ]
}

/** Who asks for an API proves who it is, or anybody could try tokens out (RFC 7662 section 2.1). */
function introspectionProblems({ path, entry }: Placed<ApiEntry>, clients: readonly ClientSettings[]): string[] {
  const known = clients.map(({ clientId }) => clientId)
  return entry.introspected_by.flatMap((clientId, index) => {
    const at = pathText([...path, 'introspected_by', index])
    const client = clients.find((candidate) => candidate.clientId === clientId)
    if (client === undefined) return [`${at} is ${shown(clientId)}, which is no client; ${hint(clientId, known)}.`]
    if (client.authMethod !== 'none') return []
    return [
      `${at} is ${shown(clientId)}, a public client, in whose name anybody may ask; it wants one with credentials.`,
    ]
  })
}

/** A client without grant types is there to ask about tokens. */
function idleProblems({ path, entry }: Placed<ClientEntry>, apis: readonly ApiSettings[]): string[] {
  const speaks = apis.some((api) => api.introspectedBy.includes(entry.client_id))
  if (entry.grant_types.length > 0 || speaks) return []
  return [
    `${pathText([...path, 'grant_types'])} is an empty list, and no API names ${shown(entry.client_id)} in introspected_by, so it could do nothing; add a grant type or name it there.`,
  ]
}

function apiProblems({ path, entry }: Placed<ClientEntry>, apis: readonly ApiSettings[]): string[] {
  return Object.entries(entry.apis).flatMap(([audience, scopes]) => {
    const at = pathText([...path, 'apis', audience])
    const api = apis.find((candidate) => candidate.audience === audience)
    if (api === undefined) return [`${at} names an API that is not declared; ${hint(audience, audiences(apis))}.`]
    const known = Object.keys(api.scopes)
    return scopes
      .filter((scope) => !known.includes(scope))
      .map((scope) => `${at} has the scope ${shown(scope)}, which that API does not have; ${hint(scope, known)}.`)
  })
}

function defaultProblems(audience: string | undefined, apis: readonly ApiSettings[]): string[] {
  if (audience === undefined || audiences(apis).includes(audience)) return []
  return [`default_api is ${shown(audience)}, which is no API; ${hint(audience, audiences(apis))}.`]
}

function audiences(apis: readonly ApiSettings[]): string[] {
  return apis.map((api) => api.audience)
}
