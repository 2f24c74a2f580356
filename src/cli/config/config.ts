/** `grantor config check`: what the server would start with, or why it would not. */

import { Command } from 'commander'

import { formatDuration } from '../../base/duration.ts'
import type { Config } from '../../config/config.ts'
import { readConfig } from '../domain.ts'
import { JSON_OPTION, print, type Row } from '../terminal/print.ts'
import type { Terminal } from '../terminal/terminal.ts'

const HIDDEN = '(hidden)'

export function configCommand(terminal: Terminal): Command {
  const command = new Command('config').description('look at the settings')
  command
    .command('check')
    .description('read environment and grantor.yaml as the server would, and print the result without secrets')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nExamples:\n  grantor config check\n  NODE_ENV=production GRANTOR_CONFIG=/etc/grantor.yaml grantor config check --json',
    )
    .action(({ json }: { json?: boolean }) => {
      const config = withoutSecrets(readConfig(terminal))
      print(terminal, json, rowsOf(config), config)
    })
  return command
}

type Shown = ReturnType<typeof withoutSecrets>

/** Every secret replaced by a word; what is not there stays absent, so that one sees whether it is set. */
function withoutSecrets(config: Config) {
  return {
    ...config,
    redisUrl: config.redisUrl?.replace(/:\/\/[^/@]*@/, `://${HIDDEN}@`).replace(/\?.*$/, `?${HIDDEN}`),
    rootKey: hidden(config.rootKey),
    nextRootKey: hidden(config.nextRootKey),
    apis: config.apis.map((api) => ({ ...api, secret: hidden(api.secret) })),
    clients: config.clients.map((client) => ({ ...client, secretHash: hidden(client.secretHash) })),
    receivers: config.receivers.map((receiver) => ({ ...receiver, token: hidden(receiver.token) })),
    demoAccounts: config.demoAccounts.map(({ login, claims }) => ({ login, claims, password: HIDDEN })),
  }
}

function hidden(secret: unknown): string | undefined {
  return secret === undefined ? undefined : HIDDEN
}

function rowsOf(config: Shown): Row[] {
  const { lifetimes, keys, logins, apis, clients, receivers, demoAccounts, ...plain } = config
  const times = [...durations('lifetimes', lifetimes), ...durations('keys', keys)]
  const rules = Object.entries(logins).map(([name, value]) => [`logins.${name}`, value] as const)
  const lists = [
    ['apis', apis.map((api) => api.audience)],
    ['clients', clients.map((client) => client.clientId)],
    ['receivers', receivers.map((receiver) => receiver.endpoint)],
    ['demoAccounts', demoAccounts.map((account) => account.login)],
  ] as const
  return [...Object.entries(plain), ...times, ...rules, ...lists].map(([setting, value]) => ({
    setting,
    value: words(value),
  }))
}

function durations(section: string, seconds: object): (readonly [string, string])[] {
  return Object.entries(seconds).map(([name, value]) => [`${section}.${name}`, formatDuration(value)] as const)
}

function words(value: unknown): string {
  if (value === undefined) return '(unset)'
  if (Array.isArray(value)) return value.join(', ') || '(none)'
  return typeof value === 'string' ? value : JSON.stringify(value)
}
