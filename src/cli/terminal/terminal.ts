/** The environment of a command: its working directory, its input and its output. */

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
  /** A typed line, or `undefined` without a terminal. */
  ask(prompt: string): Promise<string | undefined>
  /** A typed line that is not echoed, or `undefined` without a terminal. */
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

/** In raw mode typed characters do not appear, so the text is neither visible nor kept in the scroll-back. */
function readHidden(prompt: string): Promise<string> {
  const { stdin } = process
  // The echo is off before the prompt; otherwise the first letters of a fast typist would appear.
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
