/** The results as a person reads them in a terminal. */

import { REST_SECONDS } from './memory.ts'
import type { StoreName } from './options.ts'
import { judge, type RowResult, type StoreResults } from './results.ts'

const HEADINGS: Record<StoreName, string> = {
  embedded: 'Embedded store (SQLite file), beside the bare engine on a Map',
  redis: 'Redis, beside the bare engine on the plainest correct Redis adapter',
  sentinel: 'Sentinel, both replicas confirming, beside the bare engine on the same primary',
  'sentinel-unconfirmed':
    'Sentinel, no replica confirming (REDIS_REPLICAS=0), beside the bare engine on the same primary',
}

const NOTE = `
  req/CPU-s: requests for each second of processor time of the server process, all threads. ratio: Grantor over the
  reference, the median over pairs of neighbouring rounds; range: its middle half. (1) Grantor's token is a JWT, of
  which it looks at all but the signature when it made that itself; the engine takes none at userinfo and gets an opaque
  one.`

export function report(all: readonly StoreResults[]): string {
  return [...all.map(reportStore), NOTE, '', 'Verdicts', ...all.flatMap(verdicts), ''].join('\n')
}

function reportStore(results: StoreResults): string {
  return [`\n${HEADINGS[results.store]}\n`, table(results.rows), ...beyond(results)].join('\n')
}

const COLUMNS = ['', 'ref req/CPU-s', 'ours req/CPU-s', 'ratio', 'range', 'want', 'ref p50/p99 ms', 'ours p50/p99 ms']

function table(rows: readonly RowResult[]): string {
  const cells = [COLUMNS, ...rows.map(cellsOf)]
  const widths = COLUMNS.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)))
  const line = (row: readonly string[]) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
  return cells.map((row) => `  ${line(row).join('  ')}`).join('\n')
}

function cellsOf({ title, reference, grantor, ratio, spread, target }: RowResult): string[] {
  const [low, high] = spread
  return [
    title,
    reference.perCpuSecond.toFixed(0),
    grantor.perCpuSecond.toFixed(0),
    ratio.toFixed(2),
    `${low.toFixed(2)}–${high.toFixed(2)}`,
    `${target.toFixed(2)} ${ratio >= target ? ' ' : '!'}`,
    `${reference.p50Ms.toFixed(1)} / ${reference.p99Ms.toFixed(1)}`,
    `${grantor.p50Ms.toFixed(1)} / ${grantor.p99Ms.toFixed(1)}`,
  ]
}

function beyond({ startUp, memory, find }: StoreResults): string[] {
  const lines: string[] = ['']
  if (startUp !== undefined) {
    lines.push(`  start: ready after ${startUp.firstMs.toFixed(0)} ms, again after ${startUp.againMs.toFixed(0)} ms`)
  }
  if (memory !== undefined) {
    const { grantor, reference } = memory
    lines.push(
      `  resident: ${mb(grantor.idleBytes)} at the start, ${mb(grantor.afterBytes)} after ${grantor.tokens} stored tokens, ` +
        `${mb(grantor.restedBytes)} ${REST_SECONDS} s later ` +
        `(reference: ${mb(reference.idleBytes)}, ${mb(reference.afterBytes)}, ${mb(reference.restedBytes)})`,
    )
  }
  for (const { stored, p50Us, p99Us, fewP50Us } of find ?? []) {
    const found = `p50 ${p50Us.toFixed(0)} µs, p99 ${p99Us.toFixed(0)} µs`
    lines.push(
      `  find() among ${stored} refresh tokens: ${found} (among ${find?.[0]?.stored}, in turn: ${fewP50Us.toFixed(0)} µs)`,
    )
  }
  return lines
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`
}

function verdicts(results: StoreResults): string[] {
  return judge(results).map(({ held, sentence }) => `  ${held ? 'held  ' : 'MISSED'}  ${sentence}`)
}
