/**
 * The server as an operator runs it: `node src/main.ts` in processes of their own, so that they can be stopped in the
 * middle of anything, killed, and started again on what they left behind.
 *
 * All processes of one call are one issuer on one store; a request is sent to a node by its own address.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

import { freePort } from './start.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const START_MS = 20_000

export interface ProcessOptions {
  readonly count?: number
  /** One for each process, or one for all; the embedded store in a shared temporary folder unless set. */
  readonly redisUrls?: readonly string[]
  /** What stands in grantor.yaml, beside the demo seed. */
  readonly file?: Record<string, unknown>
  readonly logLevel?: 'info' | 'debug'
}

export interface ServerProcess {
  /** Where it is bound; the same after a restart. */
  readonly url: string
  readonly opsUrl: string
  /** Every line it wrote, over all its lives. */
  readonly output: readonly string[]
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>
  /** A new process on the same store, at the same address; resolves when it listens. */
  restart(): Promise<void>
  /** SIGSTOP: it stands still wherever it is, until `resume`. */
  pause(): void
  resume(): void
}

export interface ServerProcesses {
  readonly issuer: string
  readonly urls: readonly string[]
  readonly servers: readonly ServerProcess[]
  readonly dataDir: string
  /** Ends all processes and removes what they stored. */
  close(): Promise<void>
}

export async function startProcesses(options: ProcessOptions = {}): Promise<ServerProcesses> {
  const { count = 1, redisUrls, file, logLevel = 'info' } = options
  const dataDir = await mkdtemp(join(tmpdir(), 'grantor-test-'))
  if (file !== undefined) await writeFile(join(dataDir, 'grantor.yaml'), JSON.stringify(file))
  const issuer = `http://localhost:${await freePort()}`
  const shared = {
    ISSUER: issuer,
    DATA_DIR: dataDir,
    LOG_LEVEL: logLevel,
    GRANTOR_ROOT_KEY: randomBytes(32).toString('base64'),
  }
  const lives: Life[] = []
  async function close(): Promise<void> {
    await Promise.all(lives.map((life) => life.kill()))
    await rm(dataDir, { recursive: true, force: true })
  }

  try {
    // All at once, as a supervisor does it: the first start on an empty store is a race too.
    const starting = Array.from({ length: count }, (_, index) => {
      const redisUrl = redisUrls?.[index % redisUrls.length]
      const life = new Life(dataDir, { ...shared, ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }) })
      lives.push(life)
      return life.restart()
    })
    await Promise.all(starting)
  } catch (error) {
    await close()
    throw error
  }
  return { issuer, urls: lives.map(({ url }) => url), servers: lives, dataDir, close }
}

class Life implements ServerProcess {
  url = ''
  opsUrl = ''
  readonly output: string[] = []
  readonly #cwd: string
  readonly #env: Record<string, string>
  #process: ChildProcessByStdio<null, Readable, Readable> | undefined

  constructor(cwd: string, env: Record<string, string>) {
    this.#cwd = cwd
    this.#env = env
  }

  async restart(): Promise<void> {
    const child = spawn(process.execPath, [MAIN], {
      cwd: this.#cwd,
      env: { PATH: process.env.PATH, ...this.#env, PORT: portOf(this.url), OPS_PORT: portOf(this.opsUrl) },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#process = child
    process.once('exit', this.#killNow)
    const { url, opsUrl } = await this.#listening(child)
    this.url = url
    this.opsUrl = opsUrl
  }

  async kill(): Promise<void> {
    const child = this.#process
    if (child === undefined) return
    this.#process = undefined
    process.off('exit', this.#killNow)
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  pause(): void {
    this.#process?.kill('SIGSTOP')
  }

  resume(): void {
    this.#process?.kill('SIGCONT')
  }

  readonly #killNow = (): void => {
    this.#process?.kill('SIGKILL')
  }

  /** The log line that says where it listens. */
  #listening(child: ChildProcessByStdio<null, Readable, Readable>): Promise<{ url: string; opsUrl: string }> {
    return new Promise((resolve, reject) => {
      const refuse = (why: string) => reject(new Error(`the server ${why}:\n${this.output.slice(-20).join('\n')}`))
      const late = setTimeout(refuse, START_MS, 'did not listen in time')
      child.once('exit', (code) => {
        clearTimeout(late)
        refuse(`exited with ${code}`)
      })
      for (const stream of [child.stdout, child.stderr]) {
        createInterface(stream).on('line', (line) => {
          this.output.push(line)
          const told = listeningLine(line)
          if (told === undefined) return
          clearTimeout(late)
          resolve(told)
        })
      }
    })
  }
}

function listeningLine(line: string): { url: string; opsUrl: string } | undefined {
  if (!line.startsWith('{')) return undefined
  const { msg, url, opsUrl } = JSON.parse(line) as { msg?: string; url: string; opsUrl: string }
  return msg === 'listening' ? { url, opsUrl } : undefined
}

/** `0`, for any free port, before the first start. */
function portOf(url: string): string {
  return url === '' ? '0' : new URL(url).port
}
