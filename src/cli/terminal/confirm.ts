/** The question before what cannot be taken back. */

import { Refused } from './refused.ts'
import type { Terminal } from './terminal.ts'

/** Throws `Refused` unless `yes` is typed. Where nobody sits at a keyboard, a runbook that names the thing means it. */
export async function confirm(terminal: Terminal, warning: string): Promise<void> {
  const answer = await terminal.ask(`${warning} Type yes to go on: `)
  if (answer !== undefined && answer.trim() !== 'yes') throw new Refused('Nothing was changed.')
}
