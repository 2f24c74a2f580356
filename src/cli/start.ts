/** `grantor start`: the server itself. */

import { Command } from 'commander'

import type { Terminal } from './terminal/terminal.ts'

export function startCommand(terminal: Terminal): Command {
  return new Command('start')
    .description('start the server and stay until SIGTERM or Ctrl-C')
    .addHelpText('after', '\nExamples:\n  grantor start\n  PORT=8080 LOG_LEVEL=debug grantor start')
    .action(async () => {
      // Loaded only here: no other command needs HTTP.
      const { run } = await import('../main.ts')
      await run(terminal.env)
    })
}
