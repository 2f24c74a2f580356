/**
 * The parts of docs/ that repeat what the code says, made from the code. docs.test.ts compares them with the pages;
 * `node test/house/write-docs.ts` writes them there.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { z } from 'zod'

import { AUDIT_EVENTS } from '../../src/audit/audit.ts'
import { LOG_EVENTS } from '../../src/audit/log-events.ts'
import { grantor } from '../../src/cli/run.ts'
import { fileSchema } from '../../src/config/file/file.ts'
import { SETTING_NAMES, SETTINGS, type Setting } from '../../src/config/environment/settings.ts'
import type { FaultKind } from '../../src/faults/fault.ts'
import { layerTable } from './layers.ts'

/** A made part: it stands in the page between `<!-- name -->` and `<!-- /name -->`. */
export interface Part {
  readonly page: string
  readonly name: string
  readonly text: string
}

export function madeParts(): Part[] {
  return [
    { page: 'ARCHITECTURE.md', name: 'layers', text: layerTable() },
    { page: 'docs/settings.md', name: 'environment', text: environmentTable() },
    { page: 'docs/settings.md', name: 'file', text: fileTable() },
    { page: 'docs/audit-events.md', name: 'events', text: eventTable() },
    { page: 'docs/log-events.md', name: 'log-events', text: logEventTable() },
    { page: 'docs/commands.md', name: 'commands', text: commandSections() },
  ]
}

/** What a page has between the marks of a part; `undefined` without them. */
export function partOf(page: string, name: string): string | undefined {
  return new RegExp(`<!-- ${name} -->\\n([\\s\\S]*?)\\n<!-- /${name} -->`).exec(page)?.[1]?.trim()
}

export function writeParts(root: string): void {
  for (const { page, name, text } of madeParts()) {
    const path = join(root, page)
    const marked = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(\\n<!-- /${name} -->)`)
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replace(marked, (_, open, close) => `${open}\n${text}\n${close}`),
    )
  }
}

/** A status that depends on the reason is a list. */
export function codeAndStatus({ code, status, reasons = {} }: FaultKind): { code: string; status: string } {
  const statuses = status === undefined ? Object.values(reasons) : [status]
  return { code, status: [...new Set(statuses)].toSorted((a, b) => a - b).join(', ') }
}

/** The codes and statuses that the refusals of a source file declare. */
export function faultsOf(source: string): { code: string; status: string }[] {
  return [...source.matchAll(/^export class \w+ extends Refusal \{\n([\s\S]*?)^\}/gm)].map(([, body = '']) => ({
    code: /readonly code = '(\w+)'/.exec(body)?.[1] ?? '(no code)',
    // A status that varies is a union of numbers where it is handed in.
    status: /\bstatus(?: = |: )(\d+(?: \| \d+)*)/.exec(body)?.[1]?.replaceAll(' | ', ', ') ?? '(no status)',
  }))
}

/** The rows of docs/errors.md. */
export function documentedFaults(page: string): { code: string; status: string }[] {
  return [...page.matchAll(/^\| `(\w+)` \| ([\d, ]+) \|/gm)].map(([, code = '', status = '']) => ({ code, status }))
}

function environmentTable(): string {
  const rows = SETTING_NAMES.map((name) => {
    const setting: Setting<unknown> = SETTINGS[name]
    const file = setting.secret ? ` or \`${name}_FILE\`` : ''
    return [`\`${name}\`${file}`, setting.sentence, setting.wants, defaultOf(setting)]
  })
  return table(['setting', 'what for', 'wants', 'when unset'], rows)
}

function defaultOf({ development, production, unset }: Setting<unknown>): string {
  if (unset !== undefined) return unset
  return development === production ? `\`${development}\`` : `\`${development}\`, in production \`${production}\``
}

interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly string[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema
  readonly required?: readonly string[]
}

function fileTable(): string {
  const schema = z.toJSONSchema(fileSchema, { io: 'input' }) as JsonSchema
  return table(['setting', 'what for', 'when unset'], schemaRows(schema, ''))
}

/** A row for each setting, those inside it beneath. */
function schemaRows({ properties = {}, required = [] }: JsonSchema, prefix: string): string[][] {
  return Object.entries(properties).flatMap(([name, inner]) => {
    const list = inner.items?.properties !== undefined
    const path = `${prefix}${name}${list ? '[]' : ''}`
    const values = inner.enum === undefined ? '' : ` One of ${inner.enum.map((value) => `\`${value}\``).join(', ')}.`
    const row = [
      `\`${path}\``,
      `${inner.description ?? ''}${values}`,
      required.includes(name) ? 'required' : shownDefault(inner),
    ]
    return [row, ...schemaRows(list ? (inner.items ?? {}) : inner, `${path}.`)]
  })
}

function shownDefault({ default: value, properties, items }: JsonSchema): string {
  if (value === undefined || properties !== undefined || items?.properties !== undefined) return ''
  if (Array.isArray(value)) return value.length === 0 ? 'none' : `\`${value.join(', ')}\``
  return typeof value === 'object' ? 'none' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

function eventTable(): string {
  return table(
    ['event', 'recorded when'],
    Object.entries(AUDIT_EVENTS).map(([event, sentence]) => [`\`${event}\``, sentence]),
  )
}

function logEventTable(): string {
  return table(
    ['event', 'level', 'the sentence of the line'],
    Object.entries(LOG_EVENTS).map(([event, [level, sentence]]) => [`\`${event}\``, level, sentence]),
  )
}

function commandSections(): string {
  const sections = leaves(grantor(DEAF), []).map(
    ([name, command]) => `## ${name}\n\n\`\`\`text\n${helpOf(command)}\n\`\`\``,
  )
  return sections.join('\n\n')
}

/** Every command that does something, under its whole name. */
export function leaves(command: Command, parents: readonly string[]): [string, Command][] {
  const path = [...parents, command.name()]
  if (command.commands.length === 0) return [[path.join(' '), command]]
  return command.commands.flatMap((inner) => leaves(inner, path))
}

/** The help as a terminal of 100 columns shows it. */
function helpOf(command: Command): string {
  const lines: string[] = []
  command.configureOutput({
    writeOut: (text) => void lines.push(text),
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
  })
  command.outputHelp()
  return lines.join('').trimEnd()
}

/** Help is all that is asked of these commands, so they need nothing of the world. */
const DEAF = {
  env: {},
  cwd: '/',
  clock: () => 0,
  out: () => {},
  err: () => {},
  readAll: () => Promise.resolve(''),
  ask: () => Promise.resolve(undefined),
  askSecret: () => Promise.resolve(undefined),
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(columns), `|${'---|'.repeat(columns.length)}`, ...rows.map(line)].join('\n')
}
