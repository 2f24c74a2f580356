/**
 * `node src/main.ts` as a supervisor starts it: with settings of its own, on free ports, stopped by a signal.
 *
 * What it says tells which processes serve: each writes one line when it listens.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as later } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { freePort } from '../../support/start.ts'

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url))
const PATIENCE_MS = 100_000

export interface Line {
  readonly pid: number
  readonly event: string
}

export interface Ended {
  readonly code: number | null
}

export interface Supervised {
  readonly issuer: string
  /** One, so that it serves as a node of `createUserAgent` too. */
  readonly urls: readonly string[]
  readonly opsUrl: string
  readonly pid: number
  /** What was logged so far. */
  readonly lines: readonly Line[]
  /** Everything else that was written. */
  readonly words: readonly string[]
  /** The processes that have begun to listen, the oldest first. */
  listeners(): number[]
  /** Resolves when `condition` holds. */
  until(what: string, condition: () => boolean): Promise<void>
  /** Replaces grantor.yaml, and sends SIGHUP. */
  readAgain(file: Record<string, unknown> | string): Promise<void>
  /** Sends SIGTERM; resolves when the process is gone. */
  terminate(): Promise<Ended>
  ended(): Promise<Ended>
  /** Ends it in any case and removes what it stored. */
  close(): Promise<void>
}

/** Resolves when it was started, which does not mean that it listens. */
export async function startSupervised(
  settings: Record<string, string> = {},
  file?: Record<string, unknown>,
): Promise<Supervised> {
  const dataDir = await mkdtemp(join(tmpdir(), 'grantor-test-'))
  if (file !== undefined) await writeFile(join(dataDir, 'grantor.yaml'), JSON.stringify(file))
  const [port, opsPort] = [await freePort(), await freePort()]
  const child = spawn(process.execPath, [MAIN], {
    cwd: dataDir,
    env: {
      PATH: process.env.PATH,
      PORT: String(port),
      OPS_PORT: String(opsPort),
      DATA_DIR: dataDir,
      GRANTOR_KEYS_DIR: dataDir,
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exit = once(child, 'exit') as Promise<[number | null]>
  const killNow = () => child.kill('SIGKILL')
  process.once('exit', killNow)
  const { lines, words } = listen(child)

  async function until(what: string, condition: () => boolean): Promise<void> {
    const end = performance.now() + PATIENCE_MS
    while (!condition()) {
      if (performance.now() > end) throw new Error(`waited in vain until ${what}:\n${JSON.stringify(lines.slice(-20))}`)
      await later(10)
    }
  }

  async function ended(): Promise<Ended> {
    const late = later(PATIENCE_MS).then(() => Promise.reject(new Error('it does not end')))
    const [code] = await Promise.race([exit, late])
    return { code }
  }

  return {
    issuer: `http://localhost:${port}`,
    urls: [`http://127.0.0.1:${port}`],
    opsUrl: `http://127.0.0.1:${opsPort}`,
    pid: child.pid ?? 0,
    lines,
    words,
    listeners: () => lines.filter(({ event }) => event === 'listening').map(({ pid }) => pid),
    until,
    async readAgain(next) {
      await writeFile(join(dataDir, 'grantor.yaml'), typeof next === 'string' ? next : JSON.stringify(next))
      child.kill('SIGHUP')
    },
    async terminate() {
      child.kill('SIGTERM')
      return ended()
    },
    ended,
    async close() {
      process.off('exit', killNow)
      // Its workers end with it: they notice that no supervisor is left to give them connections.
      child.kill('SIGKILL')
      await exit
      await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    },
  }
}

function listen({ stdout, stderr }: ChildProcess): { lines: Line[]; words: string[] } {
  const lines: Line[] = []
  const words: string[] = []
  for (const stream of [stdout, stderr]) {
    if (stream === null) continue
    createInterface(stream).on('line', (text) => {
      if (text.startsWith('{')) lines.push(JSON.parse(text) as Line)
      else words.push(text)
    })
  }
  return { lines, words }
}
