/** How commands show what they found: as a table for people, as JSON for programs. */

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
  if (asJson === true) terminal.out(JSON.stringify(json, undefined, 2))
  else terminal.out(rows.length === 0 ? '(none)' : table(rows))
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

/** A moment as people read it. */
export function moment(epochSeconds: number): string {
  return new Date(epochSeconds * 1000).toISOString().replace('T', ' ').replace('.000Z', ' UTC')
}

/** Names and claims come from strangers: no escape sequence of theirs reaches the terminal. */
function plain(value: string | number | boolean | undefined): string {
  return String(value ?? '').replace(/\p{C}/gu, '\u{fffd}')
}

/** `1 session`, `2 sessions`. */
export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`
}
