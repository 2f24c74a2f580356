/** Differences between a file and the store, in lines: `+` added, `~` changed with its settings, `-` removed. */

import { countsOf, type Differences, type RecordChange } from '../../registration/differences.ts'
import type { ApiSettings } from '../../registry/api/api.ts'
import type { ClientSettings } from '../../registry/client/client.ts'
import { apiEntry, clientEntry, type Entry } from '../../registry/entries.ts'

/** One setting that changes; secrets are named and not shown. */
interface SettingChange {
  readonly name: string
  readonly before: string
  readonly after: string
}

interface ChangeView {
  readonly action: 'add' | 'change' | 'remove'
  readonly kind: 'client' | 'api' | 'default_api'
  readonly name: string
  readonly settings: readonly SettingChange[]
}

export function viewOf({ apis, clients, defaultApi }: Differences): ChangeView[] {
  const changed = { action: 'change', kind: 'default_api', name: '' } as const
  return [
    ...apis.map((change) => changeView('api', change, apiView)),
    ...clients.map((change) => changeView('client', change, clientView)),
    ...(defaultApi === undefined
      ? []
      : [
          {
            ...changed,
            settings: settingChanges({ default_api: defaultApi.before }, { default_api: defaultApi.after }),
          },
        ]),
  ]
}

export function linesOf(differences: Differences): string[] {
  const { added, changed, removed } = countsOf(differences)
  const lines = viewOf(differences).flatMap(({ action, kind, name, settings }) => [
    `${SIGNS[action]} ${kind} ${name}`.trimEnd(),
    ...(action === 'change' ? settings.map((one) => `    ${one.name}: ${one.before} -> ${one.after}`) : []),
  ])
  const conflicts = differences.conflicts.map(
    ({ name, origin }) => `! ${name} has the origin ${origin} and is left alone`,
  )
  return [...lines, ...conflicts, `${added} to add, ${changed} to change, ${removed} to remove`]
}

const SIGNS = { add: '+', change: '~', remove: '-' } as const

function changeView<Settings>(
  kind: 'client' | 'api',
  { id, before, after }: RecordChange<Settings>,
  entryOf: (settings: Settings) => Entry,
): ChangeView {
  if (before === undefined) return { action: 'add', kind, name: id, settings: [] }
  if (after === undefined) return { action: 'remove', kind, name: id, settings: [] }
  return { action: 'change', kind, name: id, settings: settingChanges(entryOf(before.settings), entryOf(after)) }
}

function clientView(client: ClientSettings): Entry {
  return { ...clientEntry(client), strong_secret_only: client.strongSecretOnly }
}

function apiView(api: ApiSettings): Entry {
  const { token, ...entry } = apiEntry(api)
  const inside = Object.entries((token ?? {}) as Entry).map(([name, value]) => [`token.${name}`, value])
  return { ...entry, ...(Object.fromEntries(inside) as Entry) }
}

function settingChanges(before: Entry, after: Entry): SettingChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  return names
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    .map((name) =>
      name.includes('secret_sha256')
        ? { name, before: 'one secret', after: 'another' }
        : { name, before: textOf(before[name]), after: textOf(after[name]) },
    )
}

function textOf(value: unknown): string {
  return value === undefined ? '(default)' : JSON.stringify(value)
}
