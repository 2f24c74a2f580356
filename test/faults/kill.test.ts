/** The server is killed under load, and started again on what it left behind. */

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { openEmbeddedStore } from '../../src/store/embedded-store.ts'
import { systemClock } from '../../src/base/clock.ts'
import { keys } from '../../src/store/keys.ts'
import type { Key, Store } from '../../src/store/store.ts'
import { type ServerProcesses, startProcesses } from '../support/server-process.ts'
import { type RefreshingClient, refreshingClient, signInClients } from './refreshing-clients.ts'

const CLIENTS = 8
const LIFE_MS = 700
const KILLS = 2

describe('kill -9 on the embedded store', () => {
  let nodes: ServerProcesses
  beforeAll(async () => {
    nodes = await startProcesses({ count: 2, file: { clients: [refreshingClient] } })
  })
  afterAll(() => nodes?.close())

  it('[F6] loses no refresh token that a client was given, and the file needs no repair', async () => {
    const clients = await signInClients(nodes, CLIENTS)

    await underLoad(clients, async () => {
      for (let kill = 0; kill < KILLS; kill++) {
        await delay(LIFE_MS)
        await Promise.all(nodes.servers.map((server) => server.kill()))
        expect(integrityOf(nodes.dataDir)).toEqual([{ integrity_check: 'ok' }])
        await Promise.all(nodes.servers.map((server) => server.restart()))
      }
    })

    await expectAllAlive(clients)
    const store = await openEmbeddedStore({ file: join(nodes.dataDir, 'grantor.db'), clock: systemClock })
    expect(await liveRefreshTokens(store, clients)).toEqual(clients.map(() => 1))
    await store.close()
  })
})

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
  const answers = await Promise.all(clients.map((client) => client.refreshOnce()))
  expect(answers.map(({ status }) => status)).toEqual(clients.map(() => 200))
  // The faults came while it worked, or nothing was tested.
  expect(clients.every(({ succeeded }) => succeeded > 0)).toBe(true)
  expect(clients.some(({ lost }) => lost > 0)).toBe(true)
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

/** How many refresh tokens of each client's grant could be used now; a second one would be a thief's. */
async function liveRefreshTokens(store: Store, clients: readonly RefreshingClient[]): Promise<number[]> {
  return Promise.all(
    clients.map(async ({ grantId }) => {
      const members = (await store.members(keys.grantMembers(grantId))) as Key[]
      const tokens = await store.getMany(members.filter((key) => key.startsWith('refresh:')))
      return tokens.filter((token) => token !== undefined && token.consumed === undefined).length
    }),
  )
}
