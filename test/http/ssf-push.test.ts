/** Security events that are pushed (RFC 8935): once taken never again, and a receiver that is down delays no other. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import { expect, it, onTestFinished } from 'vitest'

import type { App } from '../../src/app.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import { type Running, type StartOptions, start } from '../support/start.ts'
import { writer } from './revocation-reader.ts'
import { within } from '../support/figures.ts'

interface Received {
  readonly method: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

interface Endpoint {
  readonly url: string
  readonly received: readonly Received[]
  /** What was revoked, in the order in which it came. */
  names(): unknown[]
  close(): Promise<void>
}

type Answers = (res: ServerResponse, request: number) => void

/** A receiver; takes everything unless told otherwise. */
async function anEndpoint(answer: Answers = (res) => res.writeHead(202).end()): Promise<Endpoint> {
  const received: Received[] = []
  async function receive(req: IncomingMessage, res: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of req) body += String(chunk)
    received.push({ method: req.method, headers: req.headers, body })
    answer(res, received.length)
  }
  const server: Server = createServer((req, res) => void receive(req, res))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async () => {
    server.closeAllConnections()
    server.close()
  }
  onTestFinished(close)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`,
    received,
    names: () => received.map(({ body }) => (decodeJwt(body).sub_id as { id?: unknown }).id),
    close,
  }
}

async function aServer(endpoints: readonly Endpoint[], options: StartOptions = {}): Promise<Running> {
  const receivers = endpoints.map(({ url }, at) => ({
    endpoint: url,
    audience: `receiver-${at}`,
    token: `token-${at}`,
  }))
  const app = await start({ ...options, config: { receivers } })
  onTestFinished(() => app.close())
  return app
}

const PATIENCE = { timeout: 15_000, interval: 20 }
const storeOf = (app: Running) => (app.nodes[0] as App).store

it('an event comes as RFC 8935 has it, signed, with the token that was declared', async () => {
  const endpoint = await anEndpoint()
  const app = await aServer([endpoint])

  await writer(storeOf(app)).publish({ sid: 'a-session' })
  await expect.poll(() => endpoint.received.length, PATIENCE).toBe(1)

  const [request] = endpoint.received as [Received]
  expect(request.method).toBe('POST')
  expect(request.headers).toMatchObject({
    'content-type': 'application/secevent+jwt',
    accept: 'application/json',
    authorization: 'Bearer token-0',
  })
  const keys = createRemoteJWKSet(new URL(`${app.issuer}/jwks`))
  const verified = await jwtVerify(request.body, keys, {
    issuer: app.issuer,
    audience: 'receiver-0',
    typ: 'secevent+jwt',
    algorithms: ['RS256'],
  })
  expect(verified.payload).toMatchObject({ sub_id: { format: 'opaque', id: 'a-session' } })
  const metadata = (await (await fetch(`${app.issuer}/.well-known/ssf-configuration`)).json()) as object
  expect(metadata).toMatchObject({ delivery_methods_supported: ['urn:ietf:rfc:8936', 'urn:ietf:rfc:8935'] })
})

it('events come in order, each once, and a restart sends none of them again', async () => {
  const endpoint = await anEndpoint()
  const redisless = await aServer([endpoint], { nodes: 2 })
  const log = writer(storeOf(redisless))

  for (let entry = 0; entry < 30; entry++) await log.publish({ gid: `in-order-${entry}` })
  await expect.poll(() => endpoint.received.length, PATIENCE).toBe(30)
  await (redisless.nodes[0] as App).close()
  const left = writer((redisless.nodes[1] as App).store)
  await left.publish({ gid: 'after' })
  await expect.poll(() => endpoint.names().includes('after'), PATIENCE).toBe(true)

  expect(endpoint.names()).toEqual([...Array.from({ length: 30 }, (_, entry) => `in-order-${entry}`), 'after'])
})

it('what was not taken is sent again, the same, until it is; the next one waits', async () => {
  const endpoint = await anEndpoint((res, request) => res.writeHead(request <= 2 ? 503 : 202).end())
  const app = await aServer([endpoint])
  const log = writer(storeOf(app))

  await log.publish({ gid: 'first' })
  await log.publish({ gid: 'second' })
  await expect.poll(() => endpoint.received.length, PATIENCE).toBe(4)

  expect(endpoint.names()).toEqual(['first', 'first', 'first', 'second'])
  expect(new Set(endpoint.received.slice(0, 3).map(({ body }) => decodeJwt(body).jti)).size).toBe(1)
})

it.each([
  ['a refusal of who sends', (res: ServerResponse) => res.writeHead(400).end('{"err":"authentication_failed"}')],
  ['a 400 of something in between', (res: ServerResponse) => res.writeHead(400).end('<html>')],
  ['a connection that is cut', (res: ServerResponse) => res.destroy()],
] as [string, Answers][])('%s does not count as taken', async (_, refuse) => {
  const endpoint = await anEndpoint((res, request) => (request === 1 ? refuse(res, request) : res.writeHead(202).end()))
  const app = await aServer([endpoint])

  await writer(storeOf(app)).publish({ gid: 'it' })
  await expect.poll(() => endpoint.received.length, PATIENCE).toBe(2)

  expect(endpoint.names()).toEqual(['it', 'it'])
})

it('a redirect is not followed, and does not count as taken', async () => {
  const elsewhere = await anEndpoint()
  const endpoint = await anEndpoint((res, request) =>
    request === 1 ? res.writeHead(307, { Location: elsewhere.url }).end() : res.writeHead(202).end(),
  )
  const app = await aServer([endpoint])

  await writer(storeOf(app)).publish({ gid: 'it' })
  await expect.poll(() => endpoint.received.length, PATIENCE).toBe(2)

  expect(elsewhere.received).toEqual([])
})

it('an event that its receiver cannot read is not sent again, and is logged without its text', async () => {
  const lines: string[] = []
  const endpoint = await anEndpoint((res, request) =>
    request === 1 ? res.writeHead(400).end('{"err":"invalid_request"}') : res.writeHead(202).end(),
  )
  const app = await aServer([endpoint], { onLog: (line) => lines.push(line) })
  const log = writer(storeOf(app))

  await log.publish({ gid: 'unreadable' })
  await log.publish({ gid: 'readable' })
  await expect.poll(() => endpoint.received.length, PATIENCE).toBe(2)

  expect(endpoint.names()).toEqual(['unreadable', 'readable'])
  expect(lines.join('')).toContain('event_refused')
  expect(lines.join('')).not.toContain('token-0')
  expect(lines.join('')).not.toContain(endpoint.received[0]?.body)
})

it('a receiver that is down, and one that never answers, delay no other', async () => {
  const silent = await anEndpoint(() => undefined)
  const down = await anEndpoint()
  await down.close()
  const well = await anEndpoint()
  const app = await aServer([down, silent, well])
  const log = writer(storeOf(app))

  for (let entry = 0; entry < 5; entry++) await log.publish({ gid: `well-${entry}` })

  await expect.poll(() => well.received.length, within(2000)).toBe(5)
  expect((await fetch(`${app.issuer}/jwks`)).status).toBe(200)
})

describeWithRedis('two nodes on one Redis', () => {
  it('push each event once, and go on when the one that pushed is gone', async () => {
    const redis = await startRedis()
    onTestFinished(() => redis.close())
    const endpoint = await anEndpoint()
    const app = await aServer([endpoint], { nodes: 2, redisUrl: redis.url })
    const log = writer(storeOf(app))

    for (let entry = 0; entry < 40; entry++) await log.publish({ gid: `shared-${entry}` })
    await expect.poll(() => endpoint.received.length, PATIENCE).toBe(40)
    const last = writer((app.nodes[1] as App).store)
    await (app.nodes[0] as App).close()
    await last.publish({ gid: 'last' })
    await expect.poll(() => endpoint.names().includes('last'), PATIENCE).toBe(true)

    expect(new Set(endpoint.names()).size).toBe(41)
    expect(endpoint.received).toHaveLength(41)
  })
})
