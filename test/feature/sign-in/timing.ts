/**
 * Whether two kinds of request can be told apart by how long they take.
 *
 * They are alike when their medians differ by less than a network hides, or when the Mann–Whitney test finds no
 * difference.
 */

import { expect } from 'vitest'
import { judgesFigures } from '../../support/figures.ts'

const HIDDEN_MS = 5
// What else a busy machine does is not by chance alone.
const UNLIKELY = judgesFigures ? 0.01 : 0.0001

// On a busy machine fewer must do.
const FEWEST = 20
const LONGEST_MS = 12_000

/** Milliseconds that each took, in turns, so that what else the machine does falls on all alike. */
export async function sample<Kind extends string>(
  kinds: Readonly<Record<Kind, () => Promise<void>>>,
  rounds: number,
): Promise<Record<Kind, number[]>> {
  const entries = Object.entries(kinds) as [Kind, () => Promise<void>][]
  const times = Object.fromEntries(entries.map(([kind]) => [kind, [] as number[]])) as Record<Kind, number[]>
  const end = performance.now() + LONGEST_MS
  for (let round = 0; round < rounds && (round < FEWEST || performance.now() < end); round++) {
    const first = round % entries.length
    for (const [kind, work] of [...entries.slice(first), ...entries.slice(0, first)]) {
      const begun = performance.now()
      await work()
      times[kind].push(performance.now() - begun)
    }
  }
  return times
}

export function expectAlike(some: readonly number[], others: readonly number[]): void {
  const told = `medians of ${median(some).toFixed(2)} and ${median(others).toFixed(2)} ms, p ${mannWhitney(some, others)}`
  expect(alike(some, others), told).toBe(true)
}

export function alike(some: readonly number[], others: readonly number[]): boolean {
  return Math.abs(median(some) - median(others)) < HIDDEN_MS || mannWhitney(some, others) > UNLIKELY
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}

/** The two-sided p of the Mann–Whitney U test, by its normal approximation, which is good from 20 samples each. */
function mannWhitney(some: readonly number[], others: readonly number[]): number {
  const wins = some.flatMap((a) => others.map((b) => (a > b ? 1 : a === b ? 0.5 : 0)) as number[])
  const u = wins.reduce((sum, win) => sum + win, 0)
  const pairs = some.length * others.length
  const deviation = Math.sqrt((pairs * (some.length + others.length + 1)) / 12)
  return 2 * (1 - normalBelow(Math.abs(u - pairs / 2) / deviation))
}

/** The standard normal distribution below `z`, by Abramowitz and Stegun 26.2.17, to seven decimals. */
function normalBelow(z: number): number {
  const t = 1 / (1 + 0.2316419 * z)
  const terms = [0.31938153, -0.356563782, 1.781477937, -1.821255978, 1.330274429]
  const series = terms.reduce((sum, factor, at) => sum + factor * t ** (at + 1), 0)
  return 1 - (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series
}
