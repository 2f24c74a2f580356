/** `grantor keys`: the signing keys that all servers of one store share. Nothing private is ever printed. */

import { Command } from 'commander'

import { withDomain } from './domain.ts'
import { JSON_OPTION, moment, print } from './print.ts'
import type { Terminal } from './terminal.ts'

export function keysCommand(terminal: Terminal): Command {
  const command = new Command('keys').description('the signing keys')
  command
    .command('list')
    .description('every key with its algorithm and state; a store without keys gets them now, as at the first start')
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  grantor keys list --json')
    .action(async ({ json }: { json?: boolean }) => {
      await withDomain(terminal, async ({ keyring }) => {
        const rows = keyring.current().keys.map(({ keyId, algorithm, state, createdAt }) => ({
          kid: keyId,
          alg: algorithm,
          state,
          created: moment(createdAt),
        }))
        print(terminal, json, rows)
      })
    })
  return command
}
