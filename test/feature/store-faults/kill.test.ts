/** The server is killed under load, and started again on what it left behind. */

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished, vi } from 'vitest'

import { systemClock } from '../../../src/base/clock.ts'
import { keys } from '../../../src/store/keys.ts'
import { openStore } from '../../../src/store/open-store.ts'
import type { Key } from '../../../src/store/store.ts'
import { describeWithRedis, startRedis } from '../../support/redis.ts'
import { type ServerProcesses, startProcesses } from '../../support/server-process.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import type { TokenAnswer } from '../../support/user-agent.ts'
import { type RefreshingClient, refreshingClient, signInClients } from '../refresh/refreshing-clients.ts'
import { within } from '../../support/figures.ts'

const CLIENTS = 8
const KILLS = 2
const LOST_REPLIES = 5
// The one command that names two refresh tokens: the one that is used and its successor.
const ROTATION = /refresh:\{[\s\S]*refresh:\{/

// Servers are started several times in a test, which a busy machine takes seconds for.
vi.setConfig({ testTimeout: 120_000 })

describe('kill -9 of servers on one embedded file', () => {
  it('[F6] loses no refresh token that a client was given, and the file needs no repair', async () => {
    const nodes = await startProcesses({ count: 2, file: { clients: [refreshingClient] } })
    onTestFinished(() => nodes.close())
    const clients = await signInClients(nodes, CLIENTS)

    await underLoad(clients, () =>
      killAndRestart(nodes, clients, () => {
        expect(integrityOf(nodes.dataDir)).toEqual([{ integrity_check: 'ok' }])
      }),
    )

    await expectAllAlive(clients)
    await expectOneSuccessorEach(clients, { dataDir: nodes.dataDir, redisUrl: undefined })
  })
})

describeWithRedis('kill -9 around one Redis', () => {
  it('[F6] of the servers loses no refresh token that a client was given', async () => {
    const { redis, nodes } = await onRedis('everysec')
    const clients = await signInClients(nodes, CLIENTS)

    await underLoad(clients, () => killAndRestart(nodes, clients))

    await expectAllAlive(clients)
    await expectOneSuccessorEach(clients, { dataDir: nodes.dataDir, redisUrl: redis.url })
  })

  it.for([
    ['F13', 'everysec'],
    ['F14', 'always'],
  ] as const)(
    '[%s] of Redis with appendfsync %s loses no refresh token, and its file needs no repair',
    async ([, fsync]) => {
      const { redis, nodes } = await onRedis(fsync)
      const [, folder = ''] = (await redis.cli('CONFIG', 'GET', 'dir')).split('\n')
      const clients = await signInClients(nodes, CLIENTS)

      await underLoad(clients, async () => {
        for (let kill = 0; kill < KILLS; kill++) {
          await untilRefreshed(clients)
          await redis.kill()
          expect(await checkAppendOnlyFile(folder)).toMatch(/All AOF files and manifest are valid/)
          await redis.restart()
        }
        await untilRefreshed(clients)
      })

      await expectAllAlive(clients)
      await expectOneSuccessorEach(clients, { dataDir: nodes.dataDir, redisUrl: redis.url })
    },
  )

  it('[F5] a reply lost between Redis and the server costs no client a token', async () => {
    const { redis, nodes, proxy } = await onRedis('everysec')
    const clients = await signInClients(nodes, 1)

    for (let round = 0; round < LOST_REPLIES; round++) {
      const lost = proxy.loseReplyTo(ROTATION)
      const answer = await clients[0]?.refreshOnce()
      await lost
      // Repeated by the same request, which wins again.
      expect(answer?.status).toBe(200)
    }

    expect((await clients[0]?.refreshOnce())?.status).toBe(200)
    await expectOneSuccessorEach(clients, { dataDir: nodes.dataDir, redisUrl: redis.url })
  })
})

/** Redis with its append-only file, and a server that reaches it through a proxy. */
async function onRedis(fsync: 'everysec' | 'always') {
  const redis = await startRedis({ settings: ['--appendonly', 'yes', '--appendfsync', fsync] })
  onTestFinished(() => redis.close())
  const proxy = await startTcpProxy(redis.port)
  onTestFinished(() => proxy.close())
  const nodes = await startProcesses({ count: 2, redisUrls: [proxy.url], file: { clients: [refreshingClient] } })
  onTestFinished(() => nodes.close())
  return { redis, proxy, nodes }
}

async function killAndRestart(
  { servers }: ServerProcesses,
  clients: readonly RefreshingClient[],
  between: () => void = () => undefined,
): Promise<void> {
  for (let kill = 0; kill < KILLS; kill++) {
    await untilRefreshed(clients)
    await Promise.all(servers.map((server) => server.kill()))
    between()
    await Promise.all(servers.map((server) => server.restart()))
  }
}

/** Resolves when each has been answered a few times more. */
async function untilRefreshed(clients: readonly RefreshingClient[]): Promise<void> {
  const before = clients.map(({ succeeded }) => succeeded)
  const have = () => clients.every(({ succeeded }, at) => succeeded >= (before[at] ?? 0) + 5)
  await vi.waitFor(() => expect(have()).toBe(true), within(30_000))
}

/** Runs `faults` while the clients refresh, and lets them go on until each has been answered once more. */
async function underLoad(clients: readonly RefreshingClient[], faults: () => Promise<void>): Promise<void> {
  const stop = new AbortController()
  const running = Promise.all(clients.map((client) => client.run(stop.signal)))
  try {
    await faults()
  } finally {
    stop.abort()
    await running
  }
}

async function expectAllAlive(clients: readonly RefreshingClient[]): Promise<void> {
  expect(clients.map(({ refusals }) => refusals)).toEqual(clients.map(() => []))
  const answers = await Promise.all(clients.map(onceReady))
  expect(answers.map(({ status }) => status)).toEqual(clients.map(() => 200))
  // The faults came while it worked, or nothing was tested.
  expect(clients.every(({ succeeded }) => succeeded > 0)).toBe(true)
  expect(clients.some(({ lost }) => lost > 0)).toBe(true)
}

/** A node whose store is just back may say 503 for a while, which loses nothing; any other answer counts at once. */
function onceReady(client: RefreshingClient): Promise<TokenAnswer> {
  return vi.waitFor(
    async () => {
      const answer = await client.refreshOnce()
      if (answer.status === 503) throw new Error('not ready again')
      return answer
    },
    within(5000, 100),
  )
}

function integrityOf(dataDir: string): unknown[] {
  const database = new DatabaseSync(join(dataDir, 'grantor.db'), { readOnly: true })
  try {
    return database
      .prepare('PRAGMA integrity_check')
      .all()
      .map((row) => ({ ...row }))
  } finally {
    database.close()
  }
}

async function checkAppendOnlyFile(folder: string): Promise<string> {
  const manifest = join(folder, 'appendonlydir', 'appendonly.aof.manifest')
  return (await promisify(execFile)('redis-check-aof', [manifest])).stdout
}

/** Of each client's refresh tokens one could be used now; a second one would be a thief's. */
async function expectOneSuccessorEach(
  clients: readonly RefreshingClient[],
  where: { readonly dataDir: string; readonly redisUrl: string | undefined },
): Promise<void> {
  const store = await openStore(where, systemClock)
  onTestFinished(() => store.close())
  await vi.waitFor(() => expect(store.status().ready).toBe(true), within(1000))
  for (const { grantId } of clients) {
    const members = (await store.members(keys.grantMembers(grantId))) as Key[]
    const tokens = await store.getMany(members.filter((key) => key.startsWith('refresh:')))
    expect(tokens.filter((token) => token !== undefined && token.consumed === undefined)).toHaveLength(1)
  }
}
