/** `grantor sessions`: where a person is signed in. */

import { Command } from 'commander'

import { getAccount } from '../accounts/accounts.ts'
import { withDomain } from '../domain.ts'
import { count, JSON_OPTION, timestamp, print } from '../terminal/print.ts'
import { end, type RevokeOptions, revoking } from '../revoke/report.ts'
import type { Terminal } from '../terminal/terminal.ts'

export function sessionsCommand(terminal: Terminal): Command {
  const command = new Command('sessions').description('where a person is signed in')
  addList(command, terminal)
  addEnd(command, terminal)
  return command
}

function addList(parent: Command, terminal: Terminal): void {
  parent
    .command('list')
    .argument('<account>', 'its login or its id')
    .description('every browser session of a person, the latest sign-in first')
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  grantor sessions list ana@example.com')
    .action(async (name: string, { json }: { json?: boolean }) => {
      await withDomain(terminal, async ({ accounts, accountGrants }) => {
        const { id } = await getAccount(accounts, name)
        const sessions = (await accountGrants.listSessions(id)).toSorted((a, b) => b.signedInAt - a.signedInAt)
        const rows = sessions.map(({ uid, signedInAt, expiresAt, clientIds }) => ({
          session: uid,
          'signed in': timestamp(signedInAt),
          expires: timestamp(expiresAt),
          clients: clientIds.join(' '),
        }))
        print(terminal, json, rows, sessions)
      })
    })
}

function addEnd(parent: Command, terminal: Terminal): void {
  revoking(parent, 'end', 'grantor sessions end ana@example.com')
    .argument('<account>', 'its login or its id')
    .description('sign a person out everywhere; what an application was granted for offline access stays')
    .action((name: string, options: RevokeOptions) =>
      end(terminal, options, async ({ accounts, accountGrants, revocation }) => {
        const { id, login } = await getAccount(accounts, name)
        const sessions = await accountGrants.listSessions(id)
        return {
          what: `${count(sessions.length, 'session')} of ${login}`,
          end: async () => {
            await Promise.all(sessions.map(({ uid }) => revocation.endSession(uid, 'session_ended_by_operator')))
          },
        }
      }),
    )
}
