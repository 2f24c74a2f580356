/**
 * Runs one command and sets the exit code: 0 success, 1 a fault or a refusal, 2 not understood (for `plan`: there is a
 * difference).
 *
 * An operator's mistake gets one sentence without a stack. Only a defect of this program shows a stack.
 */

import { Command, CommanderError } from 'commander'

import { Fault } from '../faults/fault.ts'
import { forOperator } from '../i18n/fault-text.ts'
import { accountsCommand } from './accounts/accounts.ts'
import { apisCommand } from './apis/apis.ts'
import { auditCommand } from './audit/audit.ts'
import { backupCommand } from './backup/backup.ts'
import { clientsCommand } from './clients/clients.ts'
import { configCommand } from './config/config.ts'
import { keysCommand } from './keys/keys.ts'
import { restoreCommand } from './backup/restore.ts'
import { revokeCommand } from './revoke/revoke.ts'
import { sessionsCommand } from './sessions/sessions.ts'
import { startCommand } from './start.ts'
import { Interrupted, type Terminal } from './terminal/terminal.ts'
import { tokenCommand } from './token/token.ts'
import { versionText } from './version.ts'
import { applyCommand } from './declarations/apply.ts'
import { exportCommand } from './declarations/export.ts'
import { errorCommand } from './error/error.ts'
import { planCommand } from './declarations/plan.ts'
import { EndsWith } from './terminal/exit-codes.ts'
import { Refused } from './terminal/refused.ts'

const FAULT = 1
const USAGE = 2

export async function runCommand(argv: readonly string[], given: Terminal): Promise<number> {
  const terminal = withoutControls(given)
  const program = grantor(terminal)
  try {
    // Without a command there is nothing to be wrong about: show what there is.
    await program.parseAsync(argv.length === 0 ? ['--help'] : argv, { from: 'user' })
    return 0
  } catch (error) {
    return report(error, terminal)
  }
}

/** Much of what commands print came from requests. This is the last filter: no escape sequence is ever printed. */
function withoutControls(terminal: Terminal): Terminal {
  const harmless = (text: string) => text.replace(/[^\P{C}\n\t]/gu, '\u{fffd}')
  return {
    ...terminal,
    out: (text) => terminal.out(harmless(text)),
    err: (text) => terminal.err(harmless(text)),
  }
}

/** The whole command tree; docs/commands.md is compared with it. */
export function grantor(terminal: Terminal): Command {
  const program = new Command('grantor')
    .description('An OAuth 2.0 / OpenID Connect authorization server, and what its operator needs.')
    .version(versionText(), '-V, --version', 'print the version of Grantor and of Node')
    .addHelpText(
      'after',
      '\nSettings come from the environment and grantor.yaml, as for the server itself: see docs/settings.md.',
    )
  for (const make of COMMANDS) program.addCommand(make(terminal))
  return quiet(program, terminal)
}

const COMMANDS = [
  startCommand,
  configCommand,
  accountsCommand,
  clientsCommand,
  apisCommand,
  planCommand,
  applyCommand,
  exportCommand,
  keysCommand,
  tokenCommand,
  revokeCommand,
  sessionsCommand,
  auditCommand,
  errorCommand,
  backupCommand,
  restoreCommand,
]

/** commander writes to the terminal it is given and throws instead of ending the process. */
function quiet(command: Command, terminal: Terminal): Command {
  command.exitOverride().configureOutput({
    writeOut: (text) => terminal.out(text.trimEnd()),
    writeErr: (text) => terminal.err(text.trimEnd()),
  })
  for (const inner of command.commands) quiet(inner, terminal)
  return command
}

function report(error: unknown, terminal: Terminal): number {
  // commander has printed its own sentence; help that was asked for ends well.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE
  if (error instanceof Interrupted) return FAULT
  if (error instanceof EndsWith) return error.exitCode
  terminal.err(sentence(error))
  return FAULT
}

function sentence(error: unknown): string {
  if (error instanceof Refused) return error.message
  if (error instanceof Fault) return forOperator(error)
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
