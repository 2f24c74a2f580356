/** The sample's signing process, run as an operator runs it, so that it can be stopped and started again. */

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/samples/signing-process/main.ts', import.meta.url))

export interface SigningProcess {
  readonly socket: string
  readonly keysFile: string
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>
  /** A new process with the same keys, at the same socket, unless one lives; resolves when it listens. */
  restart(): Promise<void>
  /** SIGSTOP: it takes connections and answers nothing, until `resume`. */
  pause(): void
  resume(): void
  close(): Promise<void>
}

export async function startSigningProcess(): Promise<SigningProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'grantor-signer-'))
  const socket = join(folder, 'signer.sock')
  const keysFile = join(folder, 'keys.json')
  let child: ChildProcessByStdio<null, Readable, Readable> | undefined

  const lives = () => child !== undefined && child.exitCode === null && child.signalCode === null

  const signing: SigningProcess = {
    socket,
    keysFile,
    async kill() {
      if (child === undefined || !lives()) return
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
    async restart() {
      if (lives()) return
      const env = { ...process.env, SOCKET: socket, KEYS_FILE: keysFile }
      child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'pipe'] })
      child.stderr.resume()
      const said = once(createInterface({ input: child.stdout }), 'line')
      const left = once(child, 'exit').then(([code]) => {
        throw new Error(`the signing process ended with ${code}`)
      })
      // Its end, later, is no news.
      left.catch(() => {})
      await Promise.race([said, left])
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async close() {
      await signing.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
  await signing.restart()
  return signing
}
