/** `grantor config check`: what the server would start with, or why it would not. */

import { existsSync } from 'node:fs'
import { Command } from 'commander'

import type { Config } from '../../config/config.ts'
import { embeddedFile, openStore } from '../../store/open-store.ts'
import { readConfig } from '../domain.ts'
import { JSON_OPTION, print } from '../terminal/print.ts'
import { Refused } from '../terminal/refused.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { documentedSettings } from './documented.ts'

interface CheckOptions {
  readonly json?: boolean
  readonly store: boolean
}

export function configCommand(terminal: Terminal): Command {
  const command = new Command('config').description('look at the settings')
  command
    .command('check')
    .description(
      'read environment and grantor.yaml as the server would, print the result without secrets, and see whether the store can be used',
    )
    .option(...JSON_OPTION)
    .option('--no-store', 'do not look at the store')
    .addHelpText(
      'after',
      '\nExamples:\n  grantor config check\n  NODE_ENV=production GRANTOR_CONFIG=/etc/grantor.yaml grantor config check --no-store --json',
    )
    .action(async ({ json, store: looksAtStore }: CheckOptions) => {
      const config = readConfig(terminal)
      const { problem, text } = looksAtStore ? await findStore(config, terminal) : NOT_ASKED
      const shown = { ...documentedSettings(config), store: text }
      const rows = Object.entries(shown).map(([setting, value]) => ({ setting, value: words(value) }))
      print(terminal, json, rows, shown)
      if (problem !== undefined) throw new Refused(problem)
    })
  return command
}

interface Found {
  readonly text: string
  /** Why a server would not become ready on it. */
  readonly problem?: string
}

const NOT_ASKED: Found = { text: 'not asked' }

/** An embedded store that is not there yet is not made. */
async function findStore(config: Config, { clock }: Terminal): Promise<Found> {
  const file = embeddedFile(config)
  if (file !== undefined && !existsSync(file)) return { text: `${file} is made at the first start` }
  const store = await openStore(config, clock)
  try {
    const { ready, problem, advice = [] } = store.status()
    if (!ready) return { text: 'not ready', problem: problem ?? 'The store is not ready.' }
    return { text: ['ready', problem, ...advice].filter((one) => one !== undefined).join('; ') }
  } finally {
    await store.close()
  }
}

function words(value: unknown): string {
  if (value === undefined) return '(unset)'
  if (Array.isArray(value)) return value.join(', ') || '(none)'
  return typeof value === 'string' ? value : JSON.stringify(value)
}
