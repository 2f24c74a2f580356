/** The question before what cannot be taken back. */

import { Refused } from './refused.ts'
import type { Terminal } from './terminal.ts'

/** Throws `Refused` unless `yes` is typed. Without a terminal nothing can be typed, so the caller needs its `--yes`. */
export async function confirm(terminal: Terminal, warning: string): Promise<void> {
  const answer = await terminal.ask(`${warning} Type yes to go on: `)
  if (answer === undefined)
    throw new Refused(`${warning} There is no terminal to confirm this at: give --yes. Nothing was changed.`)
  if (answer.trim() !== 'yes') throw new Refused('Nothing was changed.')
}
