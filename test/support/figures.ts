/**
 * Figures that depend on how fast the machine is and on what else it does: how long something took, what memory it held.
 *
 * They are printed by every run and judged by `npm run test:tools` alone, which wants a machine for itself. All other
 * tests pass while other processes keep every core busy: they wait for states.
 */

import { expect } from 'vitest'

/** Whether this run judges figures. */
export const judgesFigures = process.env.JUDGE_FIGURES === '1'

/** Prints a figure; more than `most` fails where figures are judged. */
export function expectFigure(name: string, value: number, most: number): void {
  console.info(`[figure] ${name}: ${value.toFixed(2)}, at most ${most.toFixed(2)}`)
  if (judgesFigures) expect(value, name).toBeLessThan(most)
}

const BUSY_MS = 30_000

/** How long a state is waited for: as long as is promised where figures are judged, else as long as a busy machine takes. */
export function within(promisedMs: number, interval = 10): { timeout: number; interval: number } {
  return { timeout: judgesFigures ? promisedMs : BUSY_MS, interval }
}
