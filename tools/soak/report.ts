/** The soak in figures: for a person who watches it, at its end, and as JSON. */

import type { SoakOptions } from './options.ts'
import { refusalsOf, rotationsOf, type Tally, verificationsOf } from './tally.ts'

/** One in a hundred may end too late to count, on a machine with other things to do; more, and it has shown nothing. */
const TOO_LATE_SHARE = 0.01

/** Why the soak fails; empty when it does not. */
export function complaints(tally: Tally, { rotations }: SoakOptions): string[] {
  const refused = refusalsOf(tally)
  const tooLate = [...tally.looks.values()].reduce((sum, looks) => sum + looks.tooLate, 0)
  const found: (string | false)[] = [
    refused > 0 && `${refused} good tokens were refused`,
    tally.failedRequests > 0 && `${tally.failedRequests} requests failed`,
    rotationsOf(tally) < rotations && `there were ${rotationsOf(tally)} rotations of ${rotations}`,
    tooLate > tally.tokens * TOO_LATE_SHARE && `${tooLate} verifications ended after their token had expired`,
  ]
  return found.filter((one) => one !== false)
}

export function progress(tally: Tally, seconds: number): string {
  const counts = [
    `${rotationsOf(tally)} rotations`,
    `${tally.tokens} tokens`,
    `${verificationsOf(tally)} verifications`,
    `refused ${[...tally.looks.values()].map(({ refused }) => refused).join('/')}`,
    `${tally.failedRequests} failed requests`,
  ]
  return `${seconds.toFixed(0).padStart(4)} s  ${counts.join('  ')}`
}

const COLUMNS = ['verifier', 'at once', 'before expiry', 'too late', 'refused']

export function table(tally: Tally): string {
  const rows = [...tally.looks].map(([name, looks]) => [
    name,
    ...[looks.atOnce, looks.beforeExpiry, looks.tooLate, looks.refused].map(String),
  ])
  const cells = [COLUMNS, ...rows]
  const widths = COLUMNS.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)))
  const line = (row: readonly string[]) =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ')
  const perAlgorithm = [...tally.keysSeen].map(([algorithm, keys]) => `${algorithm} ${keys.size - 1}`).join(', ')
  return [
    `${rotationsOf(tally)} rotations (${perAlgorithm})`,
    `${tally.tokens} tokens from ${tally.requests} requests, of which ${tally.failedRequests} failed`,
    '',
    ...cells.map((row) => `  ${line(row)}`),
  ].join('\n')
}

export function asJson(tally: Tally, options: SoakOptions, seconds: number): string {
  const rotations = Object.fromEntries([...tally.keysSeen].map(([algorithm, keys]) => [algorithm, keys.size - 1]))
  const { requests, failedRequests, tokens, failures } = tally
  const counts = { rotations: rotationsOf(tally), byAlgorithm: rotations, requests, failedRequests, tokens }
  const verifiers = Object.fromEntries(tally.looks)
  const run = { node: process.version, speed: options.speed, tokenLifeSeconds: options.tokenLifeSeconds, seconds }
  return `${JSON.stringify({ run, ...counts, verifiers, failures, complaints: complaints(tally, options) }, undefined, 2)}\n`
}
