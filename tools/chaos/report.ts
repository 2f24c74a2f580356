/** What the rig prints: a line for each round, the violations, a table at the end. */

import type { Violation } from './checker.ts'
import type { RoundReport } from './run.ts'

export function roundLine({ topology, fault, figures, violations }: RoundReport): string {
  const { withoutPrimaryMs, longestBurstMs, requests, errors, endings, singleUses } = figures
  return [
    `${topology} ${fault.name} ${fault.round}:`,
    `primary after ${seconds(withoutPrimaryMs)},`,
    `errors until ${seconds(longestBurstMs)} later,`,
    `${requests} requests, ${errors} errors, ${endings} endings, ${singleUses} single uses,`,
    `${violations.length} violations`,
  ].join(' ')
}

const MOST_LINES = 8

/** A line for each violation; of many of one kind, the first ones. */
export function violationLines(violations: readonly Violation[]): string[] {
  return [...Map.groupBy(violations, ({ kind }) => kind)].flatMap(([kind, group]) => [
    ...group.slice(0, MOST_LINES).map(({ what }) => `  ${kind}: ${what}`),
    ...(group.length > MOST_LINES ? [`  ${kind}: and ${group.length - MOST_LINES} more`] : []),
  ])
}

/** One row for each fault on each topology. */
export function table(rounds: readonly RoundReport[]): string {
  const groups = Map.groupBy(rounds, ({ topology, fault }) => `${topology} ${fault.name}`)
  const rows = [...groups].map(([name, group]) => rowOf(name, group))
  const lines = [HEADINGS, ...rows]
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines.map((line) => line.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  ')).join('\n')
}

const HEADINGS = [
  ...['fault', 'rounds', 'requests', 'endings', 'single uses', 'violations'],
  ...['no primary', 'longest errors', 'slowest', 'late at cut-off verifier'],
]

function rowOf(name: string, group: readonly RoundReport[]): string[] {
  const sum = (of: (round: RoundReport) => number) => String(group.map(of).reduce((a, b) => a + b, 0))
  const longest = (of: (round: RoundReport) => number) => seconds(Math.max(...group.map(of)))
  return [
    ...[name, String(group.length)],
    sum(({ figures }) => figures.requests),
    sum(({ figures }) => figures.endings),
    sum(({ figures }) => figures.singleUses),
    sum(({ violations }) => violations.length),
    longest(({ figures }) => figures.withoutPrimaryMs),
    longest(({ figures }) => figures.longestBurstMs),
    longest(({ figures }) => figures.slowestMs),
    sum(({ figures }) => figures.lateAtVerifier),
  ]
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
