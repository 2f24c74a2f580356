/** A store that is deleted, emptied, swapped or set back while servers run on it is noticed, and nothing old counts. */

import { randomBytes } from 'node:crypto'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'

import { describeWithRedis, type RedisServer, startRedis } from '../../support/redis.ts'
import { type ServerProcess, type ServerProcesses, startProcesses } from '../../support/server-process.ts'
import { callEndpoint } from '../../support/user-agent.ts'

vi.setConfig({ testTimeout: 120_000 })

const EVENTUALLY = { timeout: 60_000, interval: 100 }
const MACHINE = { id: 'demo-machine', secret: 'demo-machine-secret-not-for-production' }

describe('the embedded store', () => {
  let running: ServerProcesses | undefined
  afterEach(() => running?.close())

  it('[B7] of two processes whose data folder is deleted is one again: one key ring, and no old token counts', async () => {
    running = await startProcesses({ count: 2 })
    const before = await keyIds(running)
    const token = await machineToken(running.servers[0] as ServerProcess)

    await rm(running.dataDir, { recursive: true })

    await allServeOneRing(running, before)
    for (const url of running.urls) expect(await isActive(url, token)).toBe(false)
    await tokensOfEachAreActiveAtAll(running)
  })

  it('[B7] whose file alone is deleted is noticed as well', async () => {
    running = await startProcesses({ count: 2 })
    const before = await keyIds(running)

    for (const end of ['', '-wal', '-shm']) await rm(join(running.dataDir, `grantor.db${end}`))

    await allServeOneRing(running, before)
  })
})

describe('a copy of the embedded store', () => {
  let running: ServerProcesses | undefined
  let copy: ServerProcesses | undefined
  const key = { GRANTOR_ROOT_KEY: randomBytes(32).toString('base64') }
  afterEach(async () => {
    await running?.close()
    await copy?.close()
  })

  it('[B11] without its WAL is refused at the start, with what to do', async () => {
    running = await startProcesses({ env: key })
    const folder = await mkdtemp(join(tmpdir(), 'grantor-copy-'))
    await cp(join(running.dataDir, 'grantor.db'), join(folder, 'grantor.db'))

    await expect(startProcesses({ env: { ...key, DATA_DIR: folder } })).rejects.toThrow(
      /is a copy of a store in use.*grantor backup/,
    )
    await rm(folder, { recursive: true })
  })

  it('[B11] that is whole has the same keys, and nothing that was issued before counts', async () => {
    running = await startProcesses({ env: key })
    const before = await keyIds(running)
    const token = await machineToken(running.servers[0] as ServerProcess)
    const folder = await mkdtemp(join(tmpdir(), 'grantor-copy-'))
    for (const end of ['', '-wal'])
      await cp(join(running.dataDir, `grantor.db${end}`), join(folder, `grantor.db${end}`))

    copy = await startProcesses({ env: { ...key, ISSUER: running.issuer, DATA_DIR: folder } })

    expect(await keyIds(copy)).toEqual(before)
    expect(await isActive(copy.urls[0] as string, token)).toBe(false)
    await rm(folder, { recursive: true })
  })
})

describe('a store that is set back to an earlier state while no server runs', () => {
  let running: ServerProcesses | undefined
  afterEach(() => running?.close())

  it('[B11] is noticed at the next start, when it is the embedded one', async () => {
    running = await startProcesses({ env: { GRANTOR_ROOT_KEY: randomBytes(32).toString('base64') } })
    const [server] = running.servers as [ServerProcess]
    const file = join(running.dataDir, 'grantor.db')
    const token = await machineToken(server)
    await server.terminate()
    await cp(file, `${file}.old`)
    await server.restart()
    await callEndpoint(`${server.url}/revoke`, { token }, MACHINE)
    expect(await isActive(server.url, token)).toBe(false)
    await server.terminate()

    // Over the file that is there, so that neither its inode nor its device tells.
    await cp(`${file}.old`, file)
    await server.restart()

    expect(await isActive(server.url, token)).toBe(false)
  })
})

describeWithRedis('a Redis that is set back to an earlier state while no server runs', () => {
  it('[B11] is noticed at the next start', async () => {
    const redis = await startRedis({ settings: ['--save', '3600', '1'] })
    onTestFinished(() => redis.close())
    const running = await startProcesses({ redisUrls: [redis.url] })
    onTestFinished(() => running.close())
    const [server] = running.servers as [ServerProcess]
    const dump = join((await redis.cli('CONFIG', 'GET', 'dir')).split('\n')[1] as string, 'dump.rdb')
    const token = await machineToken(server)
    await redis.cli('SAVE')
    await cp(dump, `${dump}.old`)
    const marks = await marksIn(redis)
    await callEndpoint(`${server.url}/revoke`, { token }, MACHINE)
    // So far behind that no crash explains it.
    await vi.waitFor(async () => expect(await marksIn(redis)).toBeGreaterThan(marks + 6), EVENTUALLY)
    await server.terminate()

    await redis.kill()
    await cp(`${dump}.old`, dump)
    await redis.restart()
    await server.restart()

    expect(await isActive(server.url, token)).toBe(false)
  })
})

describeWithRedis('Redis', () => {
  let running: ServerProcesses | undefined
  let redis: RedisServer | undefined
  afterEach(async () => {
    await running?.close()
    await redis?.close()
  })

  it('[B19] that is emptied under two servers gets one key ring, also with a third that starts', async () => {
    redis = await startRedis()
    running = await startProcesses({ count: 3, redisUrls: [redis.url] })
    await running.servers[2]?.kill()
    const before = await keyIds(running)
    const token = await machineToken(running.servers[0] as ServerProcess)

    await redis.cli('FLUSHALL')
    await running.servers[2]?.restart()

    await allServeOneRing(running, before)
    for (const url of running.urls) expect(await isActive(url, token)).toBe(false)
    await tokensOfEachAreActiveAtAll(running)
  })

  it('[B11] that comes back with an earlier state knows nothing that was issued until then', async () => {
    redis = await startRedis({ settings: ['--save', '3600', '1'] })
    running = await startProcesses({ count: 2, redisUrls: [redis.url] })
    const token = await machineToken(running.servers[0] as ServerProcess)
    const folder = await redis.cli('CONFIG', 'GET', 'dir')
    const dir = folder.split('\n')[1] as string
    const copy = await mkdtemp(join(tmpdir(), 'grantor-dump-'))
    await redis.cli('SAVE')
    await cp(join(dir, 'dump.rdb'), join(copy, 'dump.rdb'))
    const marks = await marksIn(redis)
    await callEndpoint(`${running.urls[0]}/revoke`, { token }, MACHINE)
    // So far behind that no crash explains it.
    await vi.waitFor(async () => {
      expect((await marksIn(redis as RedisServer)) - marks).toBeGreaterThan(12)
    }, EVENTUALLY)

    await redis.kill()
    await cp(join(copy, 'dump.rdb'), join(dir, 'dump.rdb'))
    await redis.restart()

    await vi.waitFor(async () => {
      for (const server of running?.servers ?? []) {
        expect(server.output.some((line) => line.includes('was set back to an earlier state'))).toBe(true)
        expect((await fetch(`${server.opsUrl}/health/ready`)).status).toBe(200)
      }
    }, EVENTUALLY)
    for (const url of running.urls) expect(await isActive(url, token)).toBe(false)
    await rm(copy, { recursive: true })
  })

  it('that is only away is the same store afterwards', async () => {
    redis = await startRedis({ appendOnly: true })
    running = await startProcesses({ redisUrls: [redis.url] })
    const before = await keyIds(running)
    const token = await machineToken(running.servers[0] as ServerProcess)

    await redis.kill()
    await vi.waitFor(async () => {
      expect((await fetch(`${running?.servers[0]?.opsUrl}/health/ready`)).status).toBe(503)
    }, EVENTUALLY)
    await redis.restart()

    await vi.waitFor(async () => expect(await isActive(running?.urls[0] ?? '', token)).toBe(true), EVENTUALLY)
    expect(await keyIds(running)).toEqual(before)
  })
})

async function keyIds({ urls }: ServerProcesses): Promise<string[]> {
  const { keys } = (await (await fetch(`${urls[0]}/jwks`)).json()) as { keys: { kid: string }[] }
  return keys.map(({ kid }) => kid).sort()
}

/** Every server is ready, with the same keys as all others and none of those of before. */
async function allServeOneRing(running: ServerProcesses, before: readonly string[]): Promise<void> {
  await vi.waitFor(async () => {
    const rings = await Promise.all(
      running.servers.map(async ({ url, opsUrl }) => {
        expect((await fetch(`${opsUrl}/health/ready`)).status).toBe(200)
        return keyIds({ ...running, urls: [url] })
      }),
    )
    for (const ring of rings) {
      expect(ring).toEqual(rings[0])
      expect(ring.filter((kid) => before.includes(kid))).toEqual([])
    }
  }, EVENTUALLY)
}

async function marksIn(redis: RedisServer): Promise<number> {
  return Number(await redis.cli('HGET', 'grantor:identity:{id}:progress', 'version'))
}

async function machineToken({ url }: ServerProcess): Promise<string> {
  const asked = { grant_type: 'client_credentials', scope: 'reports:read', resource: 'https://reports.example' }
  const { status, body } = await callEndpoint(`${url}/token`, asked, MACHINE)
  expect({ status, body }).toMatchObject({ status: 200 })
  return (body as { access_token: string }).access_token
}

async function isActive(url: string, token: string): Promise<boolean> {
  const { status, body } = await callEndpoint(`${url}/introspect`, { token }, MACHINE)
  expect(status).toBe(200)
  return (body as { active: boolean }).active
}

async function tokensOfEachAreActiveAtAll(running: ServerProcesses): Promise<void> {
  for (const server of running.servers) {
    const token = await machineToken(server)
    for (const url of running.urls) expect(await isActive(url, token)).toBe(true)
  }
}
