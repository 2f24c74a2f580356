/** A terminal for one test: in a folder of its own, with everything that is printed kept. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

import type { Clock } from '../../src/base/clock.ts'
import { runCommand } from '../../src/cli/run.ts'
import type { Terminal } from '../../src/cli/terminal/terminal.ts'
import { movableClock } from '../support/movable-clock.ts'

export interface Answer {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface Input {
  /** What is piped in. */
  readonly piped?: string
  /** The text typed at each prompt; without it there is no terminal. */
  readonly typed?: readonly string[]
}

export interface TestTerminal {
  readonly folder: string
  run(line: string, input?: Input): Promise<Answer>
}

export async function aTerminal(
  env: Record<string, string> = {},
  clock: Clock = movableClock(),
): Promise<TestTerminal> {
  const folder = await mkdtemp(join(tmpdir(), 'grantor-cli-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))

  return {
    folder,
    async run(line, { piped = '', typed } = {}) {
      const [out, err]: [string[], string[]] = [[], []]
      const answers = typed === undefined ? undefined : [...typed]
      const terminal: Terminal = {
        env,
        cwd: folder,
        clock,
        out: (text) => void out.push(text),
        err: (text) => void err.push(text),
        readAll: () => Promise.resolve(piped),
        ask: () => Promise.resolve(answers?.shift()),
        askSecret: () => Promise.resolve(answers?.shift()),
      }
      const code = await runCommand(line.split(' ').filter(Boolean), terminal)
      return { code, out: out.join('\n'), err: err.join('\n') }
    },
  }
}
