/** `grantor plan`: what a file would change, before it does. */

import { Command } from 'commander'

import { isEmpty } from '../../registration/differences.ts'
import { withDomain } from '../domain.ts'
import { EndsWith } from '../terminal/exit-codes.ts'
import { JSON_OPTION, jsonText } from '../terminal/print.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { FILE_ARGUMENT, readDeclared } from './declared-file.ts'
import { linesOf, viewOf } from './differences-text.ts'

const DIFFERENCE = 2

export function planCommand(terminal: Terminal): Command {
  return new Command('plan')
    .argument(...FILE_ARGUMENT)
    .description(
      'show what a file would change in the store, and change nothing; ends with 2 when there is a difference',
    )
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExamples:\n  grantor plan\n  grantor export | grantor plan -')
    .action(async (file: string | undefined, { json }: { json?: boolean }) => {
      await withDomain(terminal, async ({ config, registration }) => {
        const differences = await registration.file.plan(await readDeclared(terminal, config, file))
        if (json === true) terminal.out(jsonText({ changes: viewOf(differences), conflicts: differences.conflicts }))
        else for (const line of linesOf(differences)) terminal.out(line)
        if (!isEmpty(differences) || differences.conflicts.length > 0) throw new EndsWith(DIFFERENCE)
      })
    })
}
