/** The reader of the log may stall or go away; the server continues. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'

import { freePort } from '../../support/start.ts'

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url))
const PATIENCE = { timeout: 180_000 }

describe.each(['1', '2'])('with WORKERS=%s', (workers) => {
  it('[B21] a log without a reader stops nothing, and one line reports what was dropped', PATIENCE, async () => {
    const server = await started(workers)
    await refuse(server, 6000)

    expect(await statuses(server)).toEqual([200, 200, 200])
    const log = server.read()
    await log.until(/"event":"log_lines_dropped"/)
    // And it goes on.
    await refuse(server, 1)
    await log.until(/"event":"log_lines_dropped".*"event":"request_refused"/s)
  })

  it('[B21] a log without a reader does not delay SIGTERM', PATIENCE, async () => {
    const server = await started(workers)
    await refuse(server, 6000)

    expect(await server.terminate()).toBe(0)
  })

  it('[B21] a log whose reader has gone stops nothing', PATIENCE, async () => {
    const server = await started(workers)
    server.leave()
    await refuse(server, 100)

    expect(await statuses(server)).toEqual([200, 200, 200])
    expect(await server.terminate()).toBe(0)
  })
})

interface Server {
  readonly url: string
  readonly opsUrl: string
  /** Reads what was logged from here on. */
  read(): { until(pattern: RegExp): Promise<void> }
  /** Closes the reading end. */
  leave(): void
  terminate(): Promise<number | null>
}

/** Its stdout is a pipe without a reader. */
async function started(workers: string): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'grantor-test-'))
  const [port, opsPort] = [await freePort(), await freePort()]
  const places = { DATA_DIR: folder, GRANTOR_KEYS_DIR: folder, PORT: String(port), OPS_PORT: String(opsPort) }
  const child = spawn(process.execPath, [MAIN], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...places, WORKERS: workers },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const exit = once(child, 'exit') as Promise<[number | null]>
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  })
  const opsUrl = `http://127.0.0.1:${opsPort}`
  while (!(await fetch(`${opsUrl}/health/ready`).catch(() => undefined))?.ok);
  return {
    url: `http://127.0.0.1:${port}`,
    opsUrl,
    read: () => reading(child),
    leave: () => child.stdout?.destroy(),
    async terminate() {
      child.kill('SIGTERM')
      const [code] = await exit
      return code
    },
  }
}

function reading({ stdout }: ChildProcess) {
  let text = ''
  stdout?.on('data', (data) => {
    text += String(data)
  })
  return {
    async until(pattern: RegExp) {
      while (!pattern.test(text)) await once(stdout as NonNullable<typeof stdout>, 'data')
    },
  }
}

/** Each of these is a line of the log. */
async function refuse({ url }: Server, count: number): Promise<void> {
  let left = count
  async function ask(): Promise<void> {
    while (left-- > 0) await (await fetch(`${url}/not-here`)).arrayBuffer()
  }
  await Promise.all(Array.from({ length: Math.min(count, 8) }, ask))
}

function statuses({ url, opsUrl }: Server): Promise<number[]> {
  const asked = [`${opsUrl}/health/live`, `${opsUrl}/health/ready`, `${url}/jwks`]
  return Promise.all(asked.map((address) => fetch(address).then(({ status }) => status)))
}
