/** What a command is given of the world: where it was started, what it may read, where it writes. */

import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'

import { type Clock, systemClock } from '../../base/clock.ts'
import { type Environment, environment } from '../../config/environment/environment.ts'

export interface Terminal {
  readonly env: Environment
  readonly cwd: string
  readonly clock: Clock
  /** Answers, for people and for pipes. */
  out(text: string): void
  /** Prompts, problems, the log. */
  err(text: string): void
  /** Everything piped in; at a keyboard, what is typed until Ctrl-D. */
  readAll(): Promise<string>
  /** A line that is typed, or `undefined` when nobody sits at a keyboard. */
  ask(prompt: string): Promise<string | undefined>
  /** A line that is not echoed, or `undefined` when nobody sits at a keyboard. */
  askSecret(prompt: string): Promise<string | undefined>
}

export function systemTerminal(): Terminal {
  return {
    env: environment(),
    cwd: process.cwd(),
    clock: systemClock,
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
    readAll: () => text(process.stdin),
    ask: async (prompt) => (process.stdin.isTTY ? readTyped(prompt) : undefined),
    askSecret: async (prompt) => (process.stdin.isTTY ? readHidden(prompt) : undefined),
  }
}

async function readTyped(prompt: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await new Promise((resolve, reject) => {
      lines.once('close', () => reject(new Interrupted()))
      lines.question(prompt, resolve)
    })
  } finally {
    lines.close()
  }
}

const ENTER = new Set(['\r', '\n', '\u0004'])
const ERASE = new Set(['\u007f', '\b'])
const INTERRUPT = '\u0003'

/** In raw mode nothing that is typed appears, so that nobody reads along and no scroll-back keeps it. */
function readHidden(prompt: string): Promise<string> {
  const { stdin } = process
  // Quiet before the prompt: whoever is quick would see the first letters otherwise.
  stdin.setRawMode(true).setEncoding('utf8').resume()
  process.stderr.write(prompt)
  return new Promise((resolve, reject) => {
    let typed = ''
    const finish = () => {
      stdin.off('data', read).setRawMode(false).pause()
      process.stderr.write('\n')
    }
    function read(chunk: string) {
      for (const character of chunk) {
        if (character === INTERRUPT) {
          finish()
          return reject(new Interrupted())
        }
        if (ENTER.has(character)) {
          finish()
          return resolve(typed)
        }
        typed = ERASE.has(character) ? typed.replace(/.$/su, '') : typed + character
      }
    }
    stdin.on('data', read)
  })
}

/** Ctrl-C at a prompt. */
export class Interrupted extends Error {}
