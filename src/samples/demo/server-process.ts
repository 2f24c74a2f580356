/** Grantor itself, as a process of its own on free ports, with everything it writes in a folder that is deleted after. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface ServerProcess {
  readonly issuer: string
  readonly stop: () => Promise<void>
}

const ENTRY = fileURLToPath(new URL('../../main.ts', import.meta.url))
const READY_WITHIN_MS = 10_000

/** `settings` is the text of a grantor.yaml. Throws with the server's own words when it does not start. */
export async function startServer(settings: string): Promise<ServerProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'grantor-demo-'))
  const [port, opsPort] = await freePorts(2)
  const issuer = `http://localhost:${port}`
  await writeFile(join(folder, 'grantor.yaml'), settings)
  // Nothing of our own environment: the demo shows the same on every machine.
  const env = {
    PORT: String(port),
    OPS_PORT: String(opsPort),
    ISSUER: issuer,
    DATA_DIR: join(folder, 'data'),
    GRANTOR_KEYS_DIR: join(folder, 'keys'),
    GRANTOR_CONFIG: join(folder, 'grantor.yaml'),
    LOG_LEVEL: 'error',
  }
  const child = spawn(process.execPath, [ENTRY], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'exit')
  let words = ''
  const listen = (chunk: Buffer) => {
    words = (words + chunk.toString()).slice(-4000)
  }
  child.stdout.on('data', listen)
  child.stderr.on('data', listen)

  async function stop(): Promise<void> {
    child.kill('SIGTERM')
    await ended
    await rm(folder, { recursive: true, force: true })
  }

  try {
    await untilReady(issuer, () => child.exitCode !== null)
    return { issuer, stop }
  } catch (cause) {
    await stop()
    throw new Error(`The server did not start. It said:\n${words}`, { cause })
  }
}

async function untilReady(issuer: string, hasEnded: () => boolean): Promise<void> {
  const late = AbortSignal.timeout(READY_WITHIN_MS)
  while (!late.aborted && !hasEnded()) {
    const response = await fetch(`${issuer}/.well-known/openid-configuration`).catch(() => undefined)
    if (response?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
  throw new Error(`not ready within ${READY_WITHIN_MS} ms`)
}

/** Ports that are free now. All are held open until each is known, so none is given twice. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
