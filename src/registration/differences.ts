/** What would have to change for the store to hold what was declared. */

import type { ApiSettings } from '../registry/api/api.ts'
import type { ClientSettings } from '../registry/client/client.ts'
import type { Registered } from '../registry/origin.ts'
import { apiText, clientText } from '../registry/record-text.ts'

export interface Declarations {
  readonly apis: readonly ApiSettings[]
  readonly clients: readonly ClientSettings[]
  /** The API of tokens for which no resource was asked. */
  readonly defaultApi: string | undefined
}

/** One record: added without `before`, removed without `after`. */
export interface RecordChange<Settings> {
  readonly id: string
  readonly before: Registered<Settings> | undefined
  readonly after: Settings | undefined
}

export interface Differences {
  readonly apis: readonly RecordChange<ApiSettings>[]
  readonly clients: readonly RecordChange<ClientSettings>[]
  /** The default API, where it changes. */
  readonly defaultApi: { readonly before: string | undefined; readonly after: string | undefined } | undefined
  /** Declared names that another origin holds: those are left as they are. */
  readonly conflicts: readonly { readonly name: string; readonly origin: string }[]
}

export const isApiUnchanged = (some: ApiSettings, other: ApiSettings) => apiText(some) === apiText(other)
export const isClientUnchanged = (some: ClientSettings, other: ClientSettings) => clientText(some) === clientText(other)

/** The changes of one kind, sorted by id, and the declared ids that are of another origin. */
export function changesOf<Settings>(
  declared: ReadonlyMap<string, Settings>,
  stored: ReadonlyMap<string, Registered<Settings>>,
  isUnchanged: (some: Settings, other: Settings) => boolean,
): { changes: RecordChange<Settings>[]; foreign: Registered<Settings>[] } {
  const changes: RecordChange<Settings>[] = []
  const foreign: Registered<Settings>[] = []
  for (const id of [...new Set([...declared.keys(), ...stored.keys()])].sort()) {
    const [after, before] = [declared.get(id), stored.get(id)]
    if (before !== undefined && before.origin !== 'file') {
      if (after !== undefined) foreign.push(before)
    } else if (before === undefined || after === undefined || !isUnchanged(before.settings, after)) {
      changes.push({ id, before, after })
    }
  }
  return { changes, foreign }
}

export function isEmpty({ apis, clients, defaultApi }: Differences): boolean {
  return apis.length === 0 && clients.length === 0 && defaultApi === undefined
}

/** How many are added, changed and removed. */
export function countsOf({ apis, clients }: Differences): { added: number; changed: number; removed: number } {
  const all = [...apis, ...clients]
  const added = all.filter(({ before }) => before === undefined).length
  const removed = all.filter(({ after }) => after === undefined).length
  return { added, changed: all.length - added - removed, removed }
}

/** What is removed, as sentences name it. */
export function removedNames({ apis, clients }: Pick<Differences, 'apis' | 'clients'>): string[] {
  const removed = (changes: readonly { readonly id: string; readonly after: unknown }[], kind: string) =>
    changes.filter(({ after }) => after === undefined).map(({ id }) => `the ${kind} ${id}`)
  return [...removed(clients, 'client'), ...removed(apis, 'API')]
}
