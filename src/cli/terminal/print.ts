/** How commands show what they found: as a table for people, as JSON for programs. */

import { oneLine } from '../../audit/one-line.ts'
import type { Terminal } from './terminal.ts'

/** A row by column; what is absent is left blank. */
export type Row = Readonly<Record<string, string | number | boolean | undefined>>

export const JSON_OPTION = ['--json', 'print JSON for programs'] as const

/** `json` as it is, or `rows` as a table under their column names. */
export function print(
  terminal: Terminal,
  asJson: boolean | undefined,
  rows: readonly Row[],
  json: unknown = rows,
): void {
  if (asJson === true) terminal.out(jsonText(json))
  else terminal.out(rows.length === 0 ? '(none)' : table(rows.map(withoutGaps)))
}

/** JSON for programs in which whatever strangers sent is harmless to read: invisible characters are written as `\uXXXX`. */
export function jsonText(value: unknown): string {
  return oneLine(JSON.stringify(value, undefined, 2))
}

export function table(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const cells = [
    columns.map((column) => column.toUpperCase()),
    ...rows.map((row) => columns.map((column) => plain(row[column]))),
  ]
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => line[at]?.length ?? 0)))
  return cells
    .map((line) =>
      line
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** A time as people read it. */
export function timestamp(epochSeconds: number): string {
  return new Date(epochSeconds * 1000).toISOString().replace('T', ' ').replace('.000Z', ' UTC')
}

/** Names and claims come from strangers: no escape sequence of theirs reaches the terminal. */
function plain(value: string | number | boolean | undefined): string {
  return String(value ?? '').replace(/\p{C}/gu, '\u{fffd}')
}

/** Columns are two spaces apart, so runs of spaces within a cell are reduced to one. */
function withoutGaps(row: Row): Row {
  const cells = Object.entries(row).map(([column, value]) => {
    return [column, typeof value === 'string' ? value.replace(/\p{Z}+/gu, ' ') : value] as const
  })
  return Object.fromEntries(cells)
}

/** `name=value name=value`; a value that could be taken for more than itself stands in quotes. */
export function pairs(fields: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${quoted(String(value))}`)
    .join(' ')
}

function quoted(value: string): string {
  return /^[\w.:/@~+-]+$/.test(value) ? value : oneLine(JSON.stringify(value))
}

/** `1 session`, `2 sessions`. */
export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`
}
