/** `grantor accounts`: the people who can sign in. A password is asked for or piped in, never an argument. */

import { Command } from 'commander'

import type { Account, Accounts } from '../../accounts/accounts.ts'
import { AccountUnknown } from '../../faults/accounts.ts'
import type { AccountClaims } from '../../config/config.ts'
import { confirm } from '../terminal/confirm.ts'
import { withDomain } from '../domain.ts'
import { DRY_RUN_OPTION } from '../keys/change.ts'
import { JSON_OPTION, timestamp, print, type Row } from '../terminal/print.ts'
import { Refused } from '../terminal/refused.ts'
import type { Terminal } from '../terminal/terminal.ts'

interface RemoveOptions {
  readonly yes?: boolean
  readonly dryRun?: boolean
  readonly json?: boolean
}

interface CreateOptions {
  readonly name?: string
  readonly givenName?: string
  readonly familyName?: string
  readonly email?: string
  readonly emailVerified?: boolean
  readonly json?: boolean
}

interface JsonOption {
  readonly json?: boolean
}

export function accountsCommand(terminal: Terminal): Command {
  const command = new Command('accounts').description('the people who can sign in')
  for (const add of [addCreate, addList, addDisable, addEnable, addUnlock, addSetPassword, addRemove])
    add(command, terminal)
  return command
}

function addCreate(parent: Command, terminal: Terminal): void {
  parent
    .command('create')
    .argument('<login>', 'what its owner types to sign in, usually an e-mail address')
    .description('make an account; the password is asked for, or read from standard input')
    .option('--name <name>', 'the full name, for the claim name')
    .option('--given-name <name>', 'for the claim given_name')
    .option('--family-name <name>', 'for the claim family_name')
    .option('--email <address>', 'for the claim email')
    .option('--email-verified', 'the address is known to be theirs')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      "\nExamples:\n  grantor accounts create ana@example.com --name 'Ana Lima'\n  grantor accounts create ana@example.com < password.txt",
    )
    .action(async (login: string, options: CreateOptions) => {
      await withDomain(terminal, async ({ accounts }) => {
        const password = await newPassword(terminal)
        const account = await accounts.createAccount({ login, password, claims: claimsOf(options) })
        show(terminal, options.json, [account])
      })
    })
}

function addList(parent: Command, terminal: Terminal): void {
  parent
    .command('list')
    .description('every account, in the order in which they were made')
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  grantor accounts list --json')
    .action(async ({ json }: JsonOption) => {
      await withDomain(terminal, async ({ accounts }) => {
        const all = await everyAccount(accounts)
        show(
          terminal,
          json,
          all.toSorted((a, b) => a.createdAt - b.createdAt),
        )
      })
    })
}

function addDisable(parent: Command, terminal: Terminal): void {
  parent
    .command('disable')
    .argument('<account>', 'its login or its id')
    .description('its owner can no longer sign in, and is signed out everywhere: every session, grant and token ends')
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  grantor accounts disable ana@example.com')
    .action(async (name: string, { json }: JsonOption) => {
      await withDomain(terminal, async ({ accounts, accountAccess }) => {
        const { id } = await getAccount(accounts, name)
        show(terminal, json, [await accountAccess.disable(id)])
      })
    })
}

function addEnable(parent: Command, terminal: Terminal): void {
  parent
    .command('enable')
    .argument('<account>', 'its login or its id')
    .description('its owner can sign in again')
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  grantor accounts enable ana@example.com')
    .action(async (name: string, { json }: JsonOption) => {
      await withDomain(terminal, async ({ accounts }) => {
        const { id } = await getAccount(accounts, name)
        show(terminal, json, [await accounts.enable(id)])
      })
    })
}

function addUnlock(parent: Command, terminal: Terminal): void {
  parent
    .command('unlock')
    .argument('<account>', 'its login or its id')
    .description('reset the counts of wrong passwords, so that the owner can sign in at once on any device')
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  grantor accounts unlock ana@example.com')
    .action(async (name: string, { json }: JsonOption) => {
      await withDomain(terminal, async ({ accounts, logins }) => {
        show(terminal, json, [await logins.unlock(await getAccount(accounts, name))])
      })
    })
}

function addSetPassword(parent: Command, terminal: Terminal): void {
  parent
    .command('set-password')
    .argument('<account>', 'its login or its id')
    .description(
      'give it another password, asked for or read from standard input; every session, grant and token of its owner ends',
    )
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nExamples:\n  grantor accounts set-password ana@example.com\n  grantor accounts set-password ana@example.com < password.txt',
    )
    .action(async (name: string, { json }: JsonOption) => {
      await withDomain(terminal, async ({ accounts, accountAccess }) => {
        const { id } = await getAccount(accounts, name)
        show(terminal, json, [await accountAccess.setPassword(id, await newPassword(terminal))])
      })
    })
}

function addRemove(parent: Command, terminal: Terminal): void {
  parent
    .command('remove')
    .argument('<account>', 'its login or its id')
    .description('remove an account; every session, grant and token of its owner ends, and its login is free again')
    .option('--yes', 'do not ask before')
    .option(...DRY_RUN_OPTION)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nExamples:\n  grantor accounts remove ana@example.com\n  grantor accounts remove --yes ana@example.com',
    )
    .action(async (name: string, { yes, dryRun, json }: RemoveOptions) => {
      await withDomain(terminal, async ({ accounts, accountAccess }) => {
        const account = await getAccount(accounts, name)
        if (dryRun !== true) {
          if (yes !== true) await confirm(terminal, `The account of ${account.login} cannot be brought back.`)
          await accountAccess.remove(account.id)
        }
        show(terminal, json, [account])
      })
    })
}

export async function getAccount(accounts: Accounts, name: string): Promise<Account> {
  const account = (await accounts.findAccountByLogin(name)) ?? (await accounts.findAccount(name))
  if (account === undefined) throw new AccountUnknown()
  return account
}

async function everyAccount(accounts: Accounts): Promise<Account[]> {
  const all: Account[] = []
  let cursor: string | undefined
  do {
    const page = await accounts.listAccounts(cursor === undefined ? {} : { cursor })
    all.push(...page.accounts)
    cursor = page.cursor
  } while (cursor !== undefined)
  return all
}

/** Twice at a keyboard, where a slip of the finger is not seen; once from a pipe, without its last line break. */
async function newPassword(terminal: Terminal): Promise<string> {
  const typed = await terminal.askSecret('New password: ')
  if (typed === undefined) return (await terminal.readAll()).replace(/\r?\n$/, '')
  if ((await terminal.askSecret('Once more: ')) !== typed)
    throw new Refused('The two passwords differ; nothing was changed.')
  return typed
}

function claimsOf(options: CreateOptions): AccountClaims {
  return {
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.givenName === undefined ? {} : { given_name: options.givenName }),
    ...(options.familyName === undefined ? {} : { family_name: options.familyName }),
    ...(options.email === undefined ? {} : { email: options.email, email_verified: options.emailVerified ?? false }),
  }
}

function show(terminal: Terminal, json: boolean | undefined, accounts: readonly Account[]): void {
  const rows = accounts.map(
    ({ id, login, claims, disabled, createdAt }): Row => ({
      id,
      login,
      name: claims.name,
      state: disabled ? 'disabled' : 'enabled',
      created: timestamp(createdAt),
    }),
  )
  print(terminal, json, rows, accounts)
}
