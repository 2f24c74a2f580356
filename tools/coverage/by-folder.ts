/** Sums the coverage of files by folder of src/. */

import { relative } from 'node:path'

interface Count {
  readonly total: number
  readonly covered: number
}

/** A file in the summary that Istanbul's reporter `json-summary` writes. */
export interface FileCoverage {
  readonly lines: Count
  readonly branches: Count
  readonly functions: Count
}

const KINDS = ['lines', 'branches', 'functions'] as const

export interface FolderCoverage extends FileCoverage {
  readonly folder: string
  readonly files: number
}

/** By folder, alphabetically, and all together in the end. Two levels deep where a folder has folders of its own. */
export function byFolder(summary: Readonly<Record<string, FileCoverage>>, root: string): FolderCoverage[] {
  const folders = new Map<string, FileCoverage[]>()
  for (const [path, coverage] of Object.entries(summary)) {
    if (path === 'total') continue
    const folder = relative(root, path).replaceAll('\\', '/').split('/').slice(0, -1).slice(0, 3).join('/')
    folders.set(folder, [...(folders.get(folder) ?? []), coverage])
  }
  const rows = [...folders].toSorted(([a], [b]) => a.localeCompare(b)).map(([folder, files]) => sum(folder, files))
  return [...rows, sum('all', [...folders.values()].flat())]
}

function sum(folder: string, files: readonly FileCoverage[]): FolderCoverage {
  const of = (kind: (typeof KINDS)[number]): Count => ({
    total: files.reduce((all, file) => all + file[kind].total, 0),
    covered: files.reduce((all, file) => all + file[kind].covered, 0),
  })
  return { folder, files: files.length, lines: of('lines'), branches: of('branches'), functions: of('functions') }
}

export function coverageTable(rows: readonly FolderCoverage[]): string {
  const cells = rows.map((row) => [row.folder, String(row.files), ...KINDS.map((kind) => percent(row[kind]))])
  const table = [['folder', 'files', ...KINDS], ...cells]
  const widths = table[0]?.map((_, at) => Math.max(...table.map((row) => (row[at] ?? '').length))) ?? []
  return table
    .map((row) =>
      row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  '),
    )
    .join('\n')
}

function percent({ total, covered }: Count): string {
  return total === 0 ? '–' : `${((100 * covered) / total).toFixed(1)} %`
}
