/** `grantor clients`: the applications that may ask for tokens. What changes is in force on every server within a second. */

import { Command } from 'commander'

import { parseDuration } from '../../base/duration.ts'
import { ClientUnknown } from '../../faults/registry.ts'
import { generateSecret, hashSecret } from '../../clients/secrets.ts'
import { yamlText } from '../../config/file/yaml-text.ts'
import type { WithSecret } from '../../registration/changes.ts'
import type { ClientSettings } from '../../registry/client/client.ts'
import { clientEntry } from '../../registry/entries.ts'
import type { Registered } from '../../registry/origin.ts'
import { withDomain } from '../domain.ts'
import { settingsFrom } from '../terminal/assignments.ts'
import { confirm } from '../terminal/confirm.ts'
import { JSON_OPTION, jsonText, timestamp, print, type Row } from '../terminal/print.ts'
import type { Terminal } from '../terminal/terminal.ts'

type RegisteredClient = Registered<ClientSettings>

interface JsonOption {
  readonly json?: boolean
}

interface EditOptions extends JsonOption {
  readonly ifVersion?: string
}

const IF_VERSION = ['--if-version <number>', 'only if it still has this version'] as const

export function clientsCommand(terminal: Terminal): Command {
  const command = new Command('clients').description('the applications that may ask for tokens')
  for (const add of [addList, addShow, addAdd, addSet, addRemove, addRotateSecret, addSecret]) add(command, terminal)
  return command
}

function addList(parent: Command, terminal: Terminal): void {
  parent
    .command('list')
    .description('every client that the store has, sorted by its id')
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  grantor clients list')
    .action(async ({ json }: JsonOption) => {
      await withDomain(terminal, async ({ registry }) => {
        const all: RegisteredClient[] = []
        for await (const page of registry.clientRecords.readAll()) all.push(...page)
        all.sort((a, b) => (a.settings.clientId < b.settings.clientId ? -1 : 1))
        print(terminal, json, all.map(rowOf), all.map(jsonOf))
      })
    })
}

function addShow(parent: Command, terminal: Terminal): void {
  parent
    .command('show')
    .argument('<client>', 'its client_id')
    .description('one client as grantor.yaml would write it, with its origin and version')
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  grantor clients show web')
    .action(async (clientId: string, { json }: JsonOption) => {
      await withDomain(terminal, async ({ registry }) => {
        const record = await registry.clientRecords.read(clientId)
        if (record === undefined) throw new ClientUnknown()
        showOne(terminal, json, record)
      })
    })
}

function addAdd(parent: Command, terminal: Terminal): void {
  parent
    .command('add')
    .argument('<client>', 'its client_id')
    .argument('[settings...]', 'name=value, with names as in grantor.yaml and values in YAML')
    .description('register a client; where it needs a secret and none is given, one is drawn and printed this once')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      "\nExamples:\n  grantor clients add billing grant_types=[client_credentials] 'apis={https://orders.example: [orders:read]}'\n  grantor clients add spa token_endpoint_auth_method=none redirect_uris=[https://app.example/callback]",
    )
    .action(async (clientId: string, settings: string[], { json }: JsonOption) => {
      await withDomain(terminal, async ({ registration }) => {
        const entry = { client_id: clientId, ...settingsFrom(terminal, settings) }
        showSecret(terminal, json, await registration.changes.addClient(entry))
      })
    })
}

function addSet(parent: Command, terminal: Terminal): void {
  parent
    .command('set')
    .argument('<client>', 'its client_id')
    .argument('<settings...>', 'name=value; name= takes a setting back to its default')
    .description('change settings of a client; disabled=true ends what it holds')
    .option(...IF_VERSION)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nExamples:\n  grantor clients set billing client_name=Billing --if-version 3\n  grantor clients set billing disabled=true',
    )
    .action(async (clientId: string, settings: string[], { ifVersion, json }: EditOptions) => {
      await withDomain(terminal, async ({ registration, registry }) => {
        const present = await registry.clientRecords.read(clientId)
        const changed = settingsFrom(terminal, settings, present && clientEntry(present.settings))
        showOne(
          terminal,
          json,
          await registration.changes.setClient(clientId, changed, { ifVersion: numberIn(ifVersion) }),
        )
      })
    })
}

function addRemove(parent: Command, terminal: Terminal): void {
  parent
    .command('remove')
    .argument('<client>', 'its client_id')
    .description('remove a client; all that it holds ends, for good')
    .option('--yes', 'do not ask before')
    .option(...IF_VERSION)
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  grantor clients remove --yes billing')
    .action(async (clientId: string, { yes, ifVersion, json }: EditOptions & { readonly yes?: boolean }) => {
      await withDomain(terminal, async ({ registration }) => {
        if (yes !== true) await confirm(terminal, `Every token and grant of ${clientId} ends.`)
        showOne(terminal, json, await registration.changes.removeClient(clientId, { ifVersion: numberIn(ifVersion) }))
      })
    })
}

interface RotateOptions extends EditOptions {
  readonly oldFor: string
  readonly again?: boolean
}

function addRotateSecret(parent: Command, terminal: Terminal): void {
  parent
    .command('rotate-secret')
    .argument('<client>', 'its client_id')
    .description('give a client a new secret, printed this once; the one before stays valid for a while')
    .option('--old-for <duration>', 'how long the secret before stays valid; 0s ends it at once', '7d')
    .option('--again', 'replace the newest secret, which is not in use yet, and keep the one before')
    .option(...IF_VERSION)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nWhere the answer was lost (the store failed over), run it with --again: the secret in use stays valid.\n\nExamples:\n  grantor clients rotate-secret billing\n  grantor clients rotate-secret --old-for 0s billing',
    )
    .action(async (clientId: string, { oldFor, again, ifVersion, json }: RotateOptions) => {
      await withDomain(terminal, async ({ registration }) => {
        const options = { oldForSeconds: parseDuration(oldFor), again, ifVersion: numberIn(ifVersion) }
        showSecret(terminal, json, await registration.changes.rotateSecret(clientId, options))
      })
    })
}

function addSecret(parent: Command, terminal: Terminal): void {
  parent
    .command('secret')
    .description('generate a client secret and print it this once, with the line for grantor.yaml that holds its hash')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nGive the secret to the client and put the second line under that client in grantor.yaml.\n\nExample:\n  grantor clients secret',
    )
    .action(({ json }: JsonOption) => {
      const secret = generateSecret()
      const fresh = { client_secret: secret, client_secret_sha256: hashSecret(secret) }
      if (json === true) terminal.out(jsonText(fresh))
      else for (const [name, value] of Object.entries(fresh)) terminal.out(`${name}: ${value}`)
    })
}

function numberIn(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text)
}

function rowOf({ settings, origin, version }: RegisteredClient): Row {
  return {
    client: settings.clientId,
    name: settings.clientName,
    authentication: settings.authMethod,
    grants: settings.grantTypes.join(' '),
    origin,
    version,
    state: settings.disabled === true ? 'disabled' : 'enabled',
  }
}

/** Without secrets: the hash of a weak secret reveals it. */
function jsonOf({ settings, ...about }: RegisteredClient) {
  const { client_secret_sha256: _hashes, ...entry } = clientEntry(settings)
  return { ...entry, ...about, old_secret_ends_at: settings.oldSecretEndsAt }
}

function showOne(terminal: Terminal, json: boolean | undefined, record: RegisteredClient): void {
  const shown = jsonOf(record)
  if (json === true) terminal.out(jsonText(shown))
  else {
    const { origin, version, changedAt, old_secret_ends_at: oldEndsAt, ...entry } = shown
    const old = oldEndsAt === undefined ? '' : `, old secret until ${timestamp(oldEndsAt)}`
    terminal.out(yamlText(entry))
    terminal.out(`# origin ${origin}, version ${version}, changed ${timestamp(changedAt)}${old}`)
  }
}

function showSecret(terminal: Terminal, json: boolean | undefined, { client, secret }: WithSecret): void {
  if (json === true) terminal.out(jsonText({ ...jsonOf(client), client_secret: secret }))
  else {
    showOne(terminal, json, client)
    if (secret !== undefined) terminal.out(`client_secret: ${secret}`)
  }
}
