/** Commands that end access or remove things ask first; without a terminal they need `--yes`. */

import type { Command } from 'commander'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { grantor } from '../../src/cli/run.ts'
import { systemTerminal } from '../../src/cli/terminal/terminal.ts'
import { aTerminal, type TestTerminal } from './a-terminal.ts'

const API = 'https://spare.example'

/** By the words of the command: what comes first, and the line that is refused. `KID` is a signing key. */
const LINES: Readonly<Record<string, { readonly before?: readonly string[]; readonly line: string }>> = {
  'accounts remove': { line: 'accounts remove ana@example.com' },
  'clients remove': {
    before: ['clients add spare grant_types=[client_credentials]'],
    line: 'clients remove spare',
  },
  'apis remove': { before: [`apis add ${API}`], line: `apis remove ${API}` },
  apply: { line: 'apply' },
  'keys rotate': { line: 'keys rotate --compromised KID' },
  'revoke client': { line: 'revoke client demo-spa' },
  'revoke everything': { line: 'revoke everything' },
  restore: { before: ['backup --to b.gz'], line: 'restore --from b.gz --replace' },
}

describe('a command that asks before it acts', () => {
  it.each(commandsWithYes())('%s: without a terminal it changes nothing and names --yes', async (command) => {
    const { before = [], line } = LINES[command] ?? { line: '' }
    expect(line, `no line for ${command}: add one to LINES`).not.toBe('')
    const terminal = await aTerminal()
    await terminal.run('accounts create ana@example.com', { piped: 'four unlikely words together' })
    for (const earlier of before) expect(await terminal.run(earlier), earlier).toMatchObject({ code: 0 })
    await writeFile(join(terminal.folder, 'grantor.yaml'), `apis: [{ audience: ${API}/new }]\n`)
    const asked = line.replace('KID', await signingKey(terminal))

    const refused = await terminal.run(asked)

    expect(refused.err).toMatch(/ There is no terminal to confirm this at: give --yes\. Nothing was changed\.$/)
    expect(refused.code).toBe(1)
    expect(await terminal.run(`${asked} --yes`)).toMatchObject({ code: 0 })
  })
})

async function signingKey(terminal: TestTerminal): Promise<string> {
  const keys = JSON.parse((await terminal.run('keys list --json')).out) as { kid: string; state: string }[]
  return keys.find(({ state }) => state === 'signing')?.kid ?? ''
}

function commandsWithYes(command: Command = grantor(systemTerminal()), path: readonly string[] = []): string[] {
  const own = command.options.some(({ long }) => long === '--yes') ? [path.join(' ')] : []
  return [...own, ...command.commands.flatMap((inner) => commandsWithYes(inner, [...path, inner.name()]))]
}
