/** What all endings by an operator share: a dry run, a confirmation when much ends, and a report. */

import type { Command } from 'commander'

import { confirm } from '../terminal/confirm.ts'
import { type Domain, withDomain } from '../domain.ts'
import { DRY_RUN_OPTION } from '../keys/change.ts'
import { JSON_OPTION, jsonText } from '../terminal/print.ts'
import type { Terminal } from '../terminal/terminal.ts'

export interface RevokeOptions {
  readonly dryRun?: boolean
  readonly json?: boolean
  readonly yes?: boolean
}

interface Ending {
  /** As the sentence of the report names it. */
  readonly what: string
  /** Said before a question that has to be answered with yes. */
  readonly warning?: string
  readonly end: () => Promise<void>
}

/** A command with what all of them take. */
export function revoking(parent: Command, name: string, ...examples: string[]): Command {
  const title = examples.length === 1 ? 'Example' : 'Examples'
  return parent
    .command(name)
    .option(...DRY_RUN_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', `\n${title}:\n${examples.map((line) => `  ${line}`).join('\n')}`)
}

export async function end(
  terminal: Terminal,
  { dryRun = false, json = false, yes = false }: RevokeOptions,
  find: (domain: Domain) => Promise<Ending>,
): Promise<void> {
  await withDomain(terminal, async (domain) => {
    const ending = await find(domain)
    if (!dryRun) {
      if (ending.warning !== undefined && !yes) await confirm(terminal, ending.warning)
      await ending.end()
    }
    if (json) terminal.out(jsonText({ dry_run: dryRun, ended: ending.what }))
    else if (dryRun) terminal.out(`Dry run, nothing was changed. It would end ${ending.what}.`)
    else terminal.out(`Ended: ${ending.what}. Refused here at once, on every other server within a second.`)
  })
}
