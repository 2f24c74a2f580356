/** `grantor revoke`: ends access, on every server within a second and at every API that follows the revocations. */

import { Command } from 'commander'

import { type Clock, epochSeconds } from '../../base/clock.ts'
import { keys } from '../../store/keys.ts'
import { getAccount } from '../accounts/accounts.ts'
import { count } from '../terminal/print.ts'
import { Refused } from '../terminal/refused.ts'
import { end, type RevokeOptions, revoking } from './report.ts'
import { findToken } from './token.ts'
import type { Terminal } from '../terminal/terminal.ts'

export function revokeCommand(terminal: Terminal): Command {
  const command = new Command('revoke').description(
    'end access: of a token, a grant, a session, a client, a person, or of all of them',
  )
  addToken(command, terminal)
  addGrant(command, terminal)
  addSession(command, terminal)
  addClient(command, terminal)
  addAccount(command, terminal)
  addEverything(command, terminal)
  return command
}

function addToken(parent: Command, terminal: Terminal): void {
  revoking(parent, 'token', 'grantor revoke token < token.txt', 'grantor revoke token --with-grant < token.txt')
    .description('end one token, which is asked for or read from standard input; a refresh token ends its whole grant')
    .option('--with-grant', 'end everything that its application was granted in that sign-in')
    .action((options: RevokeOptions & { readonly withGrant?: boolean }) =>
      end(terminal, options, (domain) => findToken(domain, terminal, options.withGrant === true)),
    )
}

function addGrant(parent: Command, terminal: Terminal): void {
  revoking(parent, 'grant', 'grantor revoke grant tHq0R2C5YlOrVrAGCVs0dwIE')
    .argument('<grant>', 'its id: `gid` in a token, `grantId` in the audit trail; after -- when it begins with a dash')
    .description('end what one application was granted in one sign-in, with every token of it')
    .action((grantId: string, options: RevokeOptions) =>
      // A grant that is gone from the store may still have live tokens, so it is announced to the verifiers in any
      // case.
      end(terminal, options, async ({ revocation }) => ({
        what: `the grant ${grantId}`,
        end: () => revocation.endGrant(grantId, 'grant_ended_by_operator'),
      })),
    )
}

function addSession(parent: Command, terminal: Terminal): void {
  revoking(parent, 'session', 'grantor revoke session 4vGNPsZqJX0x0GV1q8n0p')
    .argument('<session>', 'as `grantor sessions list` shows it; after -- when it begins with a dash')
    .description('sign one browser out, with every token that was to end with its session')
    .action((uid: string, options: RevokeOptions) =>
      end(terminal, options, async ({ revocation, store }) => {
        if ((await store.get(keys.session(uid))) === undefined) throw new Refused('There is no such session.')
        return { what: `the session ${uid}`, end: () => revocation.endSession(uid, 'session_ended_by_operator') }
      }),
    )
}

function addClient(parent: Command, terminal: Terminal): void {
  revoking(parent, 'client', 'grantor revoke client --dry-run web', 'grantor revoke client --yes web')
    .argument('<client>', 'its client_id')
    .option('--yes', 'do not ask before')
    .description('end all access of one client, for every person; the client itself stays')
    .action((clientId: string, options: RevokeOptions) =>
      end(terminal, options, async ({ revocation, config, registry }) => {
        const isDeclared = config.clients.some((client) => client.clientId === clientId)
        if (!isDeclared && (await registry.clientRecords.read(clientId)) === undefined) {
          throw new Refused(`There is no client ${clientId}; what a removed client held has ended.`)
        }
        return {
          what: `all that the client ${clientId} holds`,
          warning: `Every token and grant of ${clientId} ends; what it gets in the next 16 s does not count either.`,
          end: () => revocation.endClient(clientId, 'client_ended_by_operator'),
        }
      }),
    )
}

function addAccount(parent: Command, terminal: Terminal): void {
  revoking(parent, 'account', 'grantor revoke account ana@example.com')
    .argument('<account>', 'its login or its id')
    .description('sign one person out everywhere and end every token of theirs; they may sign in again')
    .action((name: string, options: RevokeOptions) =>
      end(terminal, options, async (domain) => {
        const { id, login } = await getAccount(domain.accounts, name)
        const [sessions, grants] = await Promise.all([
          domain.accountGrants.listSessions(id),
          domain.accountGrants.listGrants(id),
        ])
        return {
          what: `${count(sessions.length, 'session')} and ${count(grants.length, 'grant')} of ${login}`,
          end: () => domain.accountAccess.end(id),
        }
      }),
    )
}

function addEverything(parent: Command, terminal: Terminal): void {
  revoking(
    parent,
    'everything',
    'grantor revoke everything --dry-run',
    'grantor revoke everything --before 2030-01-01T12:00:00Z --yes',
  )
    .option('--before <time>', 'end what was issued before this time (ISO 8601); now unless set')
    .option('--yes', 'do not ask before')
    .description('end every token, grant and session that was issued before a given time; all people sign in again')
    .action((options: RevokeOptions & { readonly before?: string }) =>
      end(terminal, options, async ({ revocation }) => {
        const before = options.before === undefined ? undefined : pastMoment(options.before, terminal.clock)
        return {
          what: `everything issued before ${before === undefined ? 'now' : options.before}`,
          warning: 'All people have to sign in again, and every client has to request new tokens.',
          end: () => revocation.endEverything(before, 'everything_ended_by_operator'),
        }
      }),
    )
}

function pastMoment(text: string, clock: Clock): number {
  const moment = Date.parse(text) / 1000
  if (!Number.isFinite(moment)) throw new Refused('--before takes a time such as 2030-01-01T12:00:00Z.')
  if (moment > epochSeconds(clock)) throw new Refused('--before is in the future: nothing was issued then.')
  return Math.ceil(moment)
}
