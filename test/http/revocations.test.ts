/** The feed of revocations: what is revoked at one node reaches the readers of all, and none misses any. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { type App, startApp } from '../../src/app.ts'
import { createLog } from '../../src/audit/log.ts'
import { describeWithRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { type Running, start } from '../support/start.ts'
import { type FeedEvent, feedToken, type Reader, readFeed, readPage, type Writer, writer } from './revocation-reader.ts'

describe('the feed on one embedded file', () => tests(async () => ({ close: async () => undefined })))

describeWithRedis('the feed on one Redis', () =>
  tests(async () => {
    const redis: RedisServer = await startRedis()
    return { redisUrl: redis.url, close: () => redis.close() }
  }),
)

function tests(open: () => Promise<{ redisUrl?: string; close(): Promise<void> }>): void {
  let store: Awaited<ReturnType<typeof open>>
  let app: Running
  let token: string
  let log: Writer
  const readers: Reader[] = []
  beforeAll(async () => {
    store = await open()
    app = await start({ nodes: 2, ...(store.redisUrl && { redisUrl: store.redisUrl }) })
    token = await feedToken(app)
    log = writer((app.nodes[0] as App).store)
  })
  afterEach(() => {
    for (const reader of readers.splice(0)) reader.close()
  })
  afterAll(async () => {
    await app.close()
    await store.close()
  })

  async function read(node: number, from: Parameters<typeof readFeed>[2] = {}): Promise<Reader> {
    const reader = await readFeed(app.urls[node] ?? '', token, from)
    readers.push(reader)
    return reader
  }

  async function page(node: number, query?: string) {
    return (await readPage(app.urls[node] ?? '', token, query)).body
  }

  /** Where the log ends now. */
  async function tail(node: number): Promise<string> {
    for (let cursor = ''; ; ) {
      const body = await page(node, cursor === '' ? '' : `?after=${cursor}`)
      cursor = body.cursor ?? ''
      if (!body.more) return cursor
    }
  }

  const hasSeen = (reader: Reader, name: string) => () => reader.revoked().includes(name)

  it('begins with all that is live, then says that this was all, then sends what is new', async () => {
    await log.publish({ gid: 'begin-1' })
    await log.publish({ sid: 'begin-2' })

    const reader = await read(1)
    await reader.until('the backlog is through', (events) => events.some(({ event }) => event === 'current'))
    const backlog = reader.events.map(({ event }) => event)
    await log.publish({ kid: 'begin-3' })
    await reader.until('the new entry is there', hasSeen(reader, 'begin-3'))

    expect(reader.status).toBe(200)
    expect(reader.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    expect(backlog).toEqual([...backlog.slice(0, -1).map(() => 'revocation'), 'current'])
    expect(reader.revoked().filter((name) => String(name).startsWith('begin-'))).toEqual([
      'begin-1',
      'begin-2',
      'begin-3',
    ])
    const { data, id } = reader.events.find(({ data }) => data.gid === 'begin-1') as FeedEvent
    expect(Object.keys(data).sort()).toEqual(['at', 'exp', 'gid'])
    expect(data.exp).toBe((data.at as number) + 3600)
    expect(id).toMatch(/^[\w-]+$/)
    const current = reader.events.find(({ event }) => event === 'current') as FeedEvent
    expect(current.data).toEqual({ now: expect.any(Number), every: 5 })
    expect(Math.abs((current.data.now as number) - Date.now() / 1000)).toBeLessThan(5)
    expect(current.id).toBe(reader.events.find(({ data }) => data.sid === 'begin-2')?.id)
  })

  it('sends every kind of entry as it was written', async () => {
    const reader = await read(1)
    const entries = [
      { jti: 'a-jti' },
      { gid: 'a-gid' },
      { sid: 'a-sid' },
      { kid: 'a-kid' },
      { client_id: 'a-client' },
      { client_id: 'another-client', before: 1_690_000_000 },
      { before: 1_700_000_000 },
    ]

    for (const entry of entries) await log.publish(entry)

    await reader.until('the last is there', (events) => events.some(({ data }) => data.before === 1_700_000_000))
    const sent = reader.events.filter(({ event }) => event === 'revocation').slice(-entries.length)
    expect(sent.map(({ data: { exp: _exp, at: _at, ...entry } }) => entry)).toEqual(entries)
  })

  it('says `current` again and again, with the moment up to which it is so', async () => {
    const reader = await read(0)

    await reader.until('it was said twice', (events) => events.filter(({ event }) => event === 'current').length >= 2)

    const said = reader.events.filter(({ event }) => event === 'current').map(({ data }) => data.now as number)
    const between = (said[1] ?? 0) - (said[0] ?? 0)
    expect(between).toBeGreaterThan(0)
    expect(between).toBeLessThanOrEqual(6)
  })

  it.each(['lastEventId', 'after'] as const)('resumes at another node by %s and misses nothing', async (how) => {
    const first = await read(0)
    await log.publish({ gid: `${how}-seen` })
    await first.until('it is seen', hasSeen(first, `${how}-seen`))
    const cursor = first.cursor()
    first.close()
    for (let entry = 0; entry < 700; entry++) void log.publish({ gid: `${how}-missed-${entry}` })
    await log.publish({ gid: `${how}-last` })

    const again = await read(1, { [how]: cursor })
    await again.until('the last is there', hasSeen(again, `${how}-last`))

    const missed = Array.from({ length: 700 }, (_, entry) => `${how}-missed-${entry}`)
    expect(new Set(again.revoked())).toEqual(new Set([...missed, `${how}-last`]))
    expect(again.revoked()).toHaveLength(701)
    expect(again.events.map(({ event }) => event)).not.toContain('reset')
  })

  it('believes the cursor of a reader that comes back before the one in its address', async () => {
    const reader = await read(0)
    for (const name of ['order-1', 'order-2', 'order-3']) await log.publish({ gid: name })
    await reader.until('all are there', hasSeen(reader, 'order-3'))
    const cursorOf = (name: string) => reader.events.find(({ data }) => data.gid === name)?.id

    const again = await read(0, { after: cursorOf('order-1'), lastEventId: cursorOf('order-2') })
    await again.until('the last is there', hasSeen(again, 'order-3'))

    expect(again.revoked()).toEqual(['order-3'])
  })

  it.each(['0-7', '99999999999999-1', 'x', "'; DROP TABLE log"])(
    'says that it does not know the cursor %s, and sends all that is live',
    async (cursor) => {
      await log.publish({ gid: 'for-the-lost' })

      const reader = await read(1, { after: cursor })
      await reader.until('it is current', (events) => events.some(({ event }) => event === 'current'))

      expect(reader.events[0]).toEqual({ event: 'reset', id: undefined, data: { reason: 'unknown_cursor' } })
      expect(reader.revoked()).toContain('for-the-lost')
      expect(reader.revoked()).toContain('begin-1')
      expect(reader.events.filter(({ event }) => event === 'reset')).toHaveLength(1)
    },
  )

  it('knows the cursors of before after a restart', async () => {
    const reader = await read(0)
    await log.publish({ gid: 'before-the-restart' })
    await reader.until('it is there', hasSeen(reader, 'before-the-restart'))
    await log.publish({ gid: 'while-nobody-read' })
    const cursor = reader.events.find(({ data }) => data.gid === 'before-the-restart')?.id

    const started = await startApp({ ...app.config, port: 0 }, { log: createLog({ level: 'silent' }) })
    const again = await readFeed(started.url, token, { lastEventId: cursor })
    await again.until('it is current', (events) => events.some(({ event }) => event === 'current'))
    again.close()
    await started.close()

    expect(again.revoked()).toEqual(['while-nobody-read'])
    expect(again.events.map(({ event }) => event)).not.toContain('reset')
  })

  it('gives pages, each of which begins where the one before it ended', async () => {
    const start = await tail(0)
    for (let entry = 0; entry < 25; entry++) await log.publish({ jti: `page-${entry}` })

    const names: unknown[] = []
    let cursor: string | undefined = start
    for (let more = true; more; ) {
      const body = await page(1, `?limit=10&after=${cursor}`)
      names.push(...body.revocations.map(({ jti }) => jti))
      expect(body.from_start).toBe(false)
      expect(body.cursor).toBe(body.revocations.at(-1)?.id)
      more = body.more
      cursor = body.cursor
    }
    const last = await page(0, `?after=${cursor}`)

    expect(names).toEqual(Array.from({ length: 25 }, (_, entry) => `page-${entry}`))
    expect(last).toMatchObject({ revocations: [], cursor, more: false, from_start: false, now: expect.any(Number) })
  })

  it('gives in a page what any node had acknowledged before it was asked for', async () => {
    const reader = await read(1)
    for (let round = 0; round < 30; round++) {
      const cursor = await tail(1)
      await log.publish({ jti: `acknowledged-${round}` })

      const { revocations } = await page(1, `?limit=1000&after=${cursor}`)

      expect(revocations.map(({ jti }) => jti)).toContain(`acknowledged-${round}`)
    }
    reader.close()
  })

  it('marks a page that began at the start because its cursor is unknown', async () => {
    const body = await page(0, '?after=never-given&limit=1000')

    expect(body.from_start).toBe(true)
    expect(body.revocations.map(({ gid }) => gid)).toContain('begin-1')
  })

  it.each([
    '?limit=0',
    '?limit=1001',
    '?limit=-1',
    '?limit=many',
    '?limit=',
    '?limit=1&limit=2',
    '?after=',
    '?after=a&after=b',
  ])('refuses %s with a problem', async (query) => {
    const { response, body } = await readPage(app.urls[0] ?? '', token, query)

    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(body).toMatchObject({ status: 400, code: 'query_invalid' })
  })

  it.each(['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'])('does not answer %s', async (method) => {
    const response = await fetch(`${app.urls[0]}/revocations`, {
      method,
      headers: { authorization: `Bearer ${token}`, origin: 'http://localhost:4011' },
    })

    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET')
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('is found by discovery', async () => {
    const metadata = await (await fetch(`${app.urls[0]}/.well-known/oauth-authorization-server`)).json()

    expect(metadata).toMatchObject({ revocations_endpoint: `${app.issuer}/revocations` })
  })
}
