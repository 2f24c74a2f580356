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
const START_MS = 100_000

export interface ProcessOptions {
  readonly count?: number
  /** One for each process, or one for all; the embedded store in a shared temporary folder unless set. */
  readonly redisUrls?: readonly string[]
  /** What stands in grantor.yaml, beside the demo seed. */
  readonly file?: Record<string, unknown>
  readonly logLevel?: 'info' | 'debug'
  /** Added to the environment, or in place of what stands there. */
  readonly env?: Readonly<Record<string, string>>
  /** The same for one process, by its number. */
  readonly envOf?: (index: number) => Readonly<Record<string, string>>
  /** The `src/main.ts` to run; this project's own unless set. */
  readonly main?: string
  /** How many files each may have open, as `ulimit -n` sets it. */
  readonly fileLimit?: number
  /** False: returns when they are started, for a server that is not to become ready. */
  readonly untilListening?: boolean
}

export interface ServerProcess {
  /** Where it is bound once it listens; the same after a restart. */
  readonly url: string
  readonly opsUrl: string
  /** Every line it wrote, over all its lives. */
  readonly output: readonly string[]
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>
  /** SIGTERM; resolves with how the process ended. */
  terminate(): Promise<number | null>
  /** A new process on the same store, at the same address; resolves when it listens. */
  restart(): Promise<void>
  /** Resolves when it takes requests. */
  listening(): Promise<void>
  /** SIGSTOP: it stands still wherever it is, until `resume`. */
  pause(): void
  resume(): void
}

export interface ServerProcesses {
  readonly issuer: string
  readonly urls: readonly string[]
  readonly servers: readonly ServerProcess[]
  readonly dataDir: string
  /** What every process has in its environment, for a command that is to work on the same store. */
  readonly env: Readonly<Record<string, string>>
  /** Ends all processes and removes what they stored. */
  close(): Promise<void>
}

export async function startProcesses(options: ProcessOptions = {}): Promise<ServerProcesses> {
  const { count = 1, redisUrls, file, logLevel = 'info', untilListening = true, env: more = {} } = options
  const { envOf = () => ({}), main = MAIN, fileLimit } = options
  const dataDir = await mkdtemp(join(tmpdir(), 'grantor-test-'))
  if (file !== undefined) await writeFile(join(dataDir, 'grantor.yaml'), JSON.stringify(file))
  const issuer = more.ISSUER ?? `http://localhost:${await freePort()}`
  const shared = {
    ISSUER: issuer,
    DATA_DIR: dataDir,
    LOG_LEVEL: logLevel,
    GRANTOR_ROOT_KEY: randomBytes(32).toString('base64'),
    ...more,
  }
  const lives: Life[] = []
  async function close(): Promise<void> {
    await Promise.all(lives.map((life) => life.kill()))
    await rm(dataDir, { recursive: true, force: true })
  }

  try {
    // All at once, as a supervisor does it: the first start on an empty store is a race too.
    for (let index = 0; index < count; index++) {
      const redisUrl = redisUrls?.[index % redisUrls.length]
      const env = { ...shared, ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }), ...envOf(index) }
      lives.push(new Life({ main, cwd: dataDir, env, opsPort: await freePort(), fileLimit }))
    }
    for (const life of lives) life.start()
    if (untilListening) await Promise.all(lives.map((life) => life.listening()))
  } catch (error) {
    await close()
    throw error
  }
  const urls = lives.map(({ url }) => url)
  return { issuer, urls, servers: lives, dataDir, env: shared, close }
}

interface LifeParts {
  readonly main: string
  readonly cwd: string
  readonly env: Record<string, string>
  readonly opsPort: number
  readonly fileLimit: number | undefined
}

class Life implements ServerProcess {
  url = ''
  readonly opsUrl: string
  readonly output: string[] = []
  readonly #main: string
  readonly #cwd: string
  readonly #command: string
  readonly #env: Record<string, string>
  #process: ChildProcessByStdio<null, Readable, Readable> | undefined
  #listening: Promise<void> = Promise.resolve()

  constructor({ main, cwd, env, opsPort, fileLimit }: LifeParts) {
    this.#main = main
    this.#cwd = cwd
    this.#command = fileLimit === undefined ? 'exec "$@"' : `ulimit -n ${fileLimit}; exec "$@"`
    this.#env = { ...env, OPS_PORT: String(opsPort) }
    this.opsUrl = `http://127.0.0.1:${opsPort}`
  }

  start(): void {
    const child = spawn('/bin/sh', ['-c', this.#command, 'sh', process.execPath, this.#main], {
      cwd: this.#cwd,
      env: { PATH: process.env.PATH, ...this.#env, PORT: this.url === '' ? '0' : new URL(this.url).port },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#process = child
    process.once('exit', this.#killNow)
    this.#listening = this.#listens(child)
    // A waiting caller learns of a failure; without one it must not be unhandled.
    this.#listening.catch(() => undefined)
  }

  restart(): Promise<void> {
    this.start()
    return this.#listening
  }

  listening(): Promise<void> {
    return this.#listening
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

  async terminate(): Promise<number | null> {
    const child = this.#process
    if (child === undefined) return null
    const gone = once(child, 'exit') as Promise<[number | null]>
    child.kill('SIGTERM')
    const [code] = await gone
    this.#process = undefined
    process.off('exit', this.#killNow)
    return code
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
  #listens(child: ChildProcessByStdio<null, Readable, Readable>): Promise<void> {
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
          const url = listeningUrl(line)
          if (url === undefined) return
          clearTimeout(late)
          this.url = url
          resolve()
        })
      }
    })
  }
}

function listeningUrl(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined
  const { event, url } = JSON.parse(line) as { event?: string; url: string }
  return event === 'listening' ? url : undefined
}
