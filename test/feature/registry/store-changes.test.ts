/** Clients of a store that is emptied under running servers, or set back: each server has those of the store as it is. */

import { execFile } from 'node:child_process'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished, vi } from 'vitest'

import { describeWithRedis, startRedis } from '../../support/redis.ts'
import { type ServerProcesses, startProcesses } from '../../support/server-process.ts'
import { callEndpoint } from '../../support/user-agent.ts'

vi.setConfig({ testTimeout: 120_000 })

const CLI = fileURLToPath(new URL('../../../src/cli.ts', import.meta.url))
const EVENTUALLY = { timeout: 60_000, interval: 50 }
const DECLARED = { id: 'demo-machine', secret: 'demo-machine-secret-not-for-production' }
const MACHINE = ['grant_types=[client_credentials]', 'apis={"https://orders.example": ["orders:read"]}']

describe('the embedded store', () => {
  it('that is deleted under a server takes the clients of operators with it; those of the file are back', async () => {
    const running = await opened()
    const added = await addClient(running, 'added')
    await expectIssued(running, added)

    await rm(running.dataDir, { recursive: true })

    await vi.waitFor(async () => expect(await statusOf(running, added)).toBe(401), EVENTUALLY)
    await vi.waitFor(async () => expect(await statusOf(running, DECLARED)).toBe(200), EVENTUALLY)
  })

  it('that is set back has the clients of that time, and nothing that those held counts', async () => {
    const running = await opened()
    const [server] = running.servers
    const file = join(running.dataDir, 'grantor.db')
    const gone = await addClient(running, 'removed-later')
    const token = await expectIssued(running, gone)
    await server?.terminate()
    await cp(file, `${file}.old`)
    await server?.restart()
    await grantor(running, 'clients', 'remove', '--yes', gone.id)
    const late = await addClient(running, 'added-later')
    await vi.waitFor(async () => expect(await statusOf(running, gone)).toBe(401), EVENTUALLY)
    await expectIssued(running, late)
    await server?.terminate()

    await cp(`${file}.old`, file)
    await server?.restart()

    expect(await statusOf(running, late)).toBe(401)
    // What an operator removed since then is back (docs/guides/clients.md), and what it held is not.
    expect(await statusOf(running, gone)).toBe(200)
    expect(await statusOf(running, DECLARED)).toBe(200)
    const { body } = await callEndpoint(`${running.urls[0]}/introspect`, { token }, DECLARED)
    expect(body).toEqual({ active: false })
  })
})

describeWithRedis('Redis', () => {
  it('that is emptied under two servers takes the clients of operators with it; those of the file are back', async () => {
    const redis = await startRedis()
    onTestFinished(() => redis.close())
    const running = await opened({ count: 2, redisUrls: [redis.url] })
    const added = await addClient(running, 'added', { REDIS_URL: redis.url })
    await expectIssued(running, added)

    await redis.cli('FLUSHALL')

    for (const url of running.urls) {
      const there = { ...running, urls: [url] }
      await vi.waitFor(async () => expect(await statusOf(there, added)).toBe(401), EVENTUALLY)
      await vi.waitFor(async () => expect(await statusOf(there, DECLARED)).toBe(200), EVENTUALLY)
    }
  })
})

async function opened(options: { readonly count?: number; readonly redisUrls?: readonly string[] } = {}) {
  const running = await startProcesses(options)
  onTestFinished(() => running.close())
  return running
}

interface Credentials {
  readonly id: string
  readonly secret: string
}

async function addClient(running: ServerProcesses, id: string, env: Record<string, string> = {}): Promise<Credentials> {
  const out = await grantor({ ...running, env: { ...running.env, ...env } }, 'clients', 'add', id, ...MACHINE, '--json')
  return { id, secret: (JSON.parse(out) as { client_secret: string }).client_secret }
}

/** Runs the command on the store of the servers; throws when it fails. */
async function grantor({ env, dataDir }: ServerProcesses, ...args: readonly string[]): Promise<string> {
  const options = { cwd: dataDir, env: { PATH: process.env.PATH, ...env, OPS_PORT: '0' } }
  return (await promisify(execFile)(process.execPath, [CLI, ...args], options)).stdout
}

/** Resolves with a token when every server issues one. */
async function expectIssued(running: ServerProcesses, client: Credentials): Promise<string> {
  let token = ''
  for (const url of running.urls) {
    await vi.waitFor(async () => {
      const { status, body } = await issue(url, client)
      expect(status).toBe(200)
      token = body.access_token ?? ''
    }, EVENTUALLY)
  }
  return token
}

async function statusOf({ urls }: ServerProcesses, client: Credentials): Promise<number> {
  return (await issue(urls[0] ?? '', client)).status
}

function issue(url: string, client: Credentials) {
  return callEndpoint(`${url}/token`, { grant_type: 'client_credentials' }, client)
}
