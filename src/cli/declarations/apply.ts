/** `grantor apply`: brings the store in line with a file; servers follow within a second. */

import { Command } from 'commander'

import { countsOf, isEmpty } from '../../registration/differences.ts'
import { withDomain } from '../domain.ts'
import { confirm } from '../terminal/confirm.ts'
import { count } from '../terminal/print.ts'
import { Refused } from '../terminal/refused.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { FILE_ARGUMENT, readDeclared } from './declared-file.ts'
import { linesOf } from './differences-text.ts'

interface ApplyOptions {
  readonly allowDelete?: boolean
  readonly yes?: boolean
}

export function applyCommand(terminal: Terminal): Command {
  return new Command('apply')
    .argument(...FILE_ARGUMENT)
    .description('bring the clients and APIs of the store in line with a file, after showing what that changes')
    .option('--allow-delete', 'remove what the file no longer declares; what removed clients hold ends')
    .option('--yes', 'do not ask before')
    .addHelpText('after', '\nExamples:\n  grantor apply\n  grantor apply --allow-delete --yes grantor.yaml')
    .action(async (file: string | undefined, { allowDelete, yes }: ApplyOptions) => {
      await withDomain(terminal, async ({ config, registration }) => {
        const declared = await readDeclared(terminal, config, file)
        const planned = await registration.file.plan(declared)
        for (const line of linesOf(planned)) terminal.out(line)
        refuseDeletions(countsOf(planned).removed, allowDelete === true)
        refuseConflicts(planned.conflicts.length)
        if (!isEmpty(planned) && yes !== true) {
          await confirm(terminal, 'The changes are in force on every server within a second.')
        }
        const { version } = await registration.file.apply(declared, {
          mostRemovals: allowDelete === true ? undefined : 0,
        })
        terminal.out(`version ${version} is in force`)
      })
    })
}

function refuseDeletions(removed: number, isAllowed: boolean): void {
  if (removed === 0 || isAllowed) return
  throw new Refused(
    `The file no longer declares ${count(removed, 'record')}; nothing was changed. Allow the removal with --allow-delete.`,
  )
}

function refuseConflicts(conflicts: number): void {
  if (conflicts === 0) return
  throw new Refused(
    `${count(conflicts, 'name')} of the file has another origin; nothing was changed. Rename it in the file, or remove the other.`,
  )
}
