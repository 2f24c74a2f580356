/** `grantor apis`: what tokens are for. What changes is in force on every server within a second. */

import { Command } from 'commander'

import { formatDuration } from '../../base/duration.ts'
import { ApiUnknown } from '../../faults/registry.ts'
import { yamlText } from '../../config/file/yaml-text.ts'
import type { ApiSettings } from '../../registry/api/api.ts'
import { apiEntry } from '../../registry/entries.ts'
import type { Registered } from '../../registry/origin.ts'
import { withDomain } from '../domain.ts'
import { settingsFrom } from '../terminal/assignments.ts'
import { confirm } from '../terminal/confirm.ts'
import { JSON_OPTION, jsonText, timestamp, print, type Row } from '../terminal/print.ts'
import type { Terminal } from '../terminal/terminal.ts'

type RegisteredApi = Registered<ApiSettings>

interface EditOptions {
  readonly json?: boolean
  readonly ifVersion?: string
}

const IF_VERSION = ['--if-version <number>', 'only if it still has this version'] as const

export function apisCommand(terminal: Terminal): Command {
  const command = new Command('apis').description('the APIs that tokens are for')
  for (const add of [addList, addShow, addAdd, addSet, addRemove]) add(command, terminal)
  return command
}

function addList(parent: Command, terminal: Terminal): void {
  parent
    .command('list')
    .description('every API that the store has, with its scopes and how its tokens look')
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  grantor apis list')
    .action(async ({ json }: EditOptions) => {
      await withDomain(terminal, async ({ registry }) => {
        const all: RegisteredApi[] = []
        for await (const page of registry.apiRecords.readAll()) all.push(...page)
        all.sort((a, b) => (a.settings.audience < b.settings.audience ? -1 : 1))
        print(terminal, json, all.map(rowOf), all.map(jsonOf))
      })
    })
}

function addShow(parent: Command, terminal: Terminal): void {
  parent
    .command('show')
    .argument('<api>', 'its audience')
    .description('one API as grantor.yaml would write it, with its origin and version')
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  grantor apis show https://orders.example')
    .action(async (audience: string, { json }: EditOptions) => {
      await withDomain(terminal, async ({ registry }) => {
        const record = await registry.apiRecords.read(audience)
        if (record === undefined) throw new ApiUnknown()
        showOne(terminal, json, record)
      })
    })
}

function addAdd(parent: Command, terminal: Terminal): void {
  parent
    .command('add')
    .argument('<api>', 'its audience')
    .argument('[settings...]', 'name=value, with names as in grantor.yaml and values in YAML')
    .description('register an API')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      "\nExample:\n  grantor apis add https://billing.example 'scopes={bills:read: See your bills}' token.lifetime=5m",
    )
    .action(async (audience: string, settings: string[], { json }: EditOptions) => {
      await withDomain(terminal, async ({ registration }) => {
        const entry = { audience, ...settingsFrom(terminal, settings) }
        showOne(terminal, json, await registration.changes.addApi(entry))
      })
    })
}

function addSet(parent: Command, terminal: Terminal): void {
  parent
    .command('set')
    .argument('<api>', 'its audience')
    .argument('<settings...>', 'name=value; name= takes a setting back to its default')
    .description('change settings of an API')
    .option(...IF_VERSION)
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  grantor apis set https://billing.example token.lifetime=5m --if-version 2')
    .action(async (audience: string, settings: string[], { ifVersion, json }: EditOptions) => {
      await withDomain(terminal, async ({ registration, registry }) => {
        const present = await registry.apiRecords.read(audience)
        const changed = settingsFrom(terminal, settings, present && apiEntry(present.settings))
        showOne(
          terminal,
          json,
          await registration.changes.setApi(audience, changed, { ifVersion: numberIn(ifVersion) }),
        )
      })
    })
}

function addRemove(parent: Command, terminal: Terminal): void {
  parent
    .command('remove')
    .argument('<api>', 'its audience')
    .description('remove an API; no further token is issued for it')
    .option('--yes', 'do not ask before')
    .option(...IF_VERSION)
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  grantor apis remove --yes https://billing.example')
    .action(async (audience: string, { yes, ifVersion, json }: EditOptions & { readonly yes?: boolean }) => {
      await withDomain(terminal, async ({ registration }) => {
        if (yes !== true) await confirm(terminal, `No client gets a token for ${audience} any more.`)
        showOne(terminal, json, await registration.changes.removeApi(audience, { ifVersion: numberIn(ifVersion) }))
      })
    })
}

function numberIn(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text)
}

function rowOf({ settings, origin, version }: RegisteredApi): Row {
  return {
    audience: settings.audience,
    name: settings.name,
    tokens: settings.tokenFormat === 'jwt' ? `jwt ${settings.algorithm}` : settings.tokenFormat,
    lifetime: formatDuration(settings.accessTokenSeconds),
    scopes: Object.keys(settings.scopes).join(' '),
    origin,
    version,
  }
}

function jsonOf({ settings, ...about }: RegisteredApi) {
  return { ...apiEntry(settings), ...about }
}

function showOne(terminal: Terminal, json: boolean | undefined, record: RegisteredApi): void {
  if (json === true) {
    terminal.out(jsonText(jsonOf(record)))
    return
  }
  terminal.out(yamlText(apiEntry(record.settings)))
  terminal.out(`# origin ${record.origin}, version ${record.version}, changed ${timestamp(record.changedAt)}`)
}
