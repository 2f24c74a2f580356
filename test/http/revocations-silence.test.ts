/** A node that may not know everything says so by its silence, and one client cannot take all places. */

import { expect, it, onTestFinished } from 'vitest'

import type { App } from '../../src/app.ts'
import { openStore } from '../../src/store/open-store.ts'
import { systemClock } from '../../src/base/clock.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import { start } from '../support/start.ts'
import { type Held, startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { confidential, SECRET } from '../support/requests.ts'
import { feedToken, writer, type Reader, readFeed, readPage } from './revocation-reader.ts'
import { startSupervised } from '../feature/processes/supervised.ts'

const PATIENCE = { timeout: 180_000 }
const countOf = (reader: Reader) => reader.events.filter(({ event }) => event === 'current').length

describeWithRedis('a node', () => {
  it(
    '[F31] that has no answer of its store is not `current`, ends its streams, and continues with the next answer',
    PATIENCE,
    async () => {
      const redis = await startRedis({ appendOnly: true })
      onTestFinished(() => redis.close())
      const app = await start({ redisUrl: redis.url })
      onTestFinished(() => app.close())
      const url = app.urls[0] ?? ''
      const token = await feedToken(app)
      const log = writer((app.nodes[0] as App).store)
      const reader = await readFeed(url, token)
      await reader.until('it is current', () => countOf(reader) === 1)
      await log.publish({ gid: 'before' })
      await reader.until('it came', () => reader.revoked().includes('before'))

      redis.pause()
      await reader.ended()
      const asked = await fetch(`${url}/revocations`, {
        headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
      })

      expect(asked.status).toBe(503)
      expect(asked.headers.get('retry-after')).toMatch(/^\d+$/)
      expect(countOf(reader)).toBeLessThanOrEqual(2)

      redis.resume()
      const again = await readAgain(url, token, reader.cursor())
      await log.publish({ gid: 'after' })
      await again.until('what came since is there', () => again.revoked().includes('after'))
      expect(again.revoked()).toEqual(['after'])
      again.close()
    },
  )

  it(
    '[B9] learns of a revocation while the connection on which it waits for the next one hangs',
    PATIENCE,
    async () => {
      const redis = await startRedis()
      onTestFinished(() => redis.close())
      const proxy = await startTcpProxy(redis.port)
      onTestFinished(() => proxy.close())
      const app = await start({ redisUrl: proxy.url })
      onTestFinished(() => app.close())
      const token = await feedToken(app)
      const reader = await readFeed(app.urls[0] ?? '', token)
      await reader.until('it is current', () => countOf(reader) === 1)
      const elsewhere = await openStore({ redisUrl: redis.url, dataDir: '' }, systemClock)
      onTestFinished(() => elsewhere.close())
      const release = await holdAll(proxy, /XREAD/i)
      const log = writer(elsewhere)
      await log.publish({ gid: 'heard' })

      await reader.until('it has heard', () => reader.revoked().length === 1)
      const said = countOf(reader)
      await reader.until('it is current again', () => countOf(reader) > said)

      release()
      await expect.poll(async () => (await readPage(app.urls[0] ?? '', token)).body.revocations).toHaveLength(1)
    },
  )
})

/** A stream, as soon as the server gives one. */
async function readAgain(url: string, token: string, lastEventId: string | undefined): Promise<Reader> {
  for (;;) {
    const reader = await readFeed(url, token, { lastEventId })
    if (reader.status === 200) return reader
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Holds every request that matches, on whichever connection, until released. */
async function holdAll(proxy: TcpProxy, request: RegExp): Promise<() => void> {
  const held: Held[] = []
  const holdNext = async (): Promise<void> => {
    held.push(proxy.hold(request))
    await held.at(-1)?.reached
    if (!released) void holdNext()
  }
  let released = false
  await holdNext()
  return () => {
    released = true
    for (const one of held) one.release()
  }
}

it('a client may have 200 streams at a node, and another client still gets one', PATIENCE, async () => {
  const issuer = 'http://localhost:4999'
  const other = confidential('other', {
    apis: { [issuer]: ['revocations:read'] },
    redirectUris: [],
    grantTypes: ['client_credentials'],
  })
  const app = await start({ config: { issuer }, clients: [other] })
  onTestFinished(() => app.close())
  const [url = ''] = app.urls
  const token = await feedToken(app)
  const readers = await Promise.all(Array.from({ length: 200 }, () => readFeed(url, token)))

  const surplus = await readFeed(url, token)
  const ofOther = await readFeed(url, await feedToken(app, { id: 'other', secret: SECRET }))
  readers[0]?.close()
  await expect.poll(async () => (await readFeed(url, token)).status).toBe(200)

  expect(readers.map(({ status }) => status)).toEqual(readers.map(() => 200))
  expect(surplus.status).toBe(503)
  expect(surplus.headers['retry-after']).toBe('10')
  expect(ofOther.status).toBe(200)
})

it('[F9] a stop ends the streams at once, and answers the requests that wait for events', PATIENCE, async () => {
  const server = await startSupervised()
  onTestFinished(() => server.close())
  await server.until('it listens', () => server.listeners().length === 1)
  const reader = await readFeed(server.urls[0] ?? '', await feedToken(server))
  const stuck = await readFeed(server.urls[0] ?? '', await feedToken(server))
  stuck.pause()
  const waiting = fetch(`${server.urls[0]}/ssf/poll`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await feedToken(server)}`, 'content-type': 'application/json' },
    body: '{}',
  })
  await reader.until('it is current', () => countOf(reader) === 1)
  // After a few answers it has come to where it waits.
  for (let answers = 0; answers < 5; answers++) await (await fetch(`${server.urls[0]}/jwks`)).arrayBuffer()

  const [{ code }] = await Promise.all([server.terminate(), reader.ended(20_000)])

  expect(await (await waiting).json()).toEqual({ sets: {} })
  expect(code).toBe(0)
  stuck.close()
})
