/** `grantor error`: from the reference that a person or a developer was shown to the cause and the remedy. */

import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { Command } from 'commander'

import { JSON_OPTION, jsonText } from '../terminal/print.ts'
import { Refused } from '../terminal/refused.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { type Explanation, FAULT_EXPLANATIONS } from './fault-explanations.ts'
import { explainRefusal } from './refusal-explanations.ts'

interface ErrorOptions {
  readonly log?: string
  readonly json?: boolean
}

/** A line of the log that has this reference. */
interface LogLine {
  readonly time?: string
  readonly event?: string
  readonly errorId?: string
  readonly route?: string
  readonly client?: string
  readonly address?: string
  readonly error?: string
  readonly fault?: string
  readonly value?: string
  readonly detail?: string
}

export function errorCommand(terminal: Terminal): Command {
  return new Command('error')
    .argument('<reference>', 'as an error page or the header X-Error-Id shows it; or an error code')
    .description('say what an error was and what to do: finds its reference in the log of the server')
    .option('--log <file>', 'the log; without it, standard input is read')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nExamples:\n  grantor error 35da49d43a --log grantor.log\n  docker compose logs --no-log-prefix grantor | grantor error 35da49d43a\n  grantor error store_full',
    )
    .action(async (reference: string, { log, json }: ErrorOptions) => {
      const found = Object.hasOwn(FAULT_EXPLANATIONS, reference)
        ? { fault: reference }
        : read(reference, await lineWith(reference, log === undefined ? await piped(terminal) : linesOf(terminal, log)))
      const explanation = explain(found)
      terminal.out(json === true ? jsonText({ ...found, ...explanation }) : textOf(found, explanation))
    })
}

async function piped(terminal: Terminal): Promise<readonly string[]> {
  return (await terminal.readAll()).split('\n')
}

/** A log may be larger than memory. */
async function* linesOf({ cwd }: Terminal, path: string): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: createReadStream(resolve(cwd, path)) })
  } catch {
    throw new Refused(`${path} cannot be read.`)
  }
}

/** The last line that has the reference. */
async function lineWith(
  reference: string,
  lines: AsyncIterable<string> | Iterable<string>,
): Promise<string | undefined> {
  let found: string | undefined
  for await (const line of lines) if (line.includes(`"errorId":"${reference}"`)) found = line
  return found
}

/** Throws `Refused` without a line. */
function read(reference: string, line: string | undefined): LogLine {
  if (line === undefined) {
    throw new Refused(
      `The log has no line with the reference ${reference}. Look at the log of every server, and at an older file if the log is rotated.`,
    )
  }
  try {
    return JSON.parse(line.slice(line.indexOf('{'))) as LogLine
  } catch {
    throw new Refused(`The line with the reference ${reference} is not whole.`)
  }
}

function explain({ error, fault, detail, client }: LogLine): Explanation {
  if (fault !== undefined && FAULT_EXPLANATIONS[fault] !== undefined) return FAULT_EXPLANATIONS[fault]
  if (error !== undefined) return explainRefusal({ error, detail, client })
  return {
    cause: 'The server met an error that it did not expect.',
    remedy: 'Report the line of the log as a defect; its field `err` says where it happened.',
  }
}

function textOf(line: LogLine, { cause, remedy }: Explanation): string {
  const { time, route, client, address, error, fault, value, detail } = line
  const rows = { time, error: error ?? fault, route, client, address, value, detail, cause, remedy }
  return Object.entries(rows)
    .filter(([, text]) => text !== undefined)
    .map(([name, text]) => `${name.padEnd(8)} ${withoutLinks(String(text))}`)
    .join('\n')
}

/** The sentences stand in docs/errors.md too, where they link to other pages of docs/. */
function withoutLinks(text: string): string {
  return text.replaceAll(/\[[^\]]+\]\(([\w/.-]+)\)/g, 'docs/$1')
}
