/**
 * What an unauthenticated caller can make the server do: every POST route of the table, with bodies made to be expensive.
 *
 * CPU is measured of a server process of its own, over many requests, and the cheapest round counts: on a busy machine
 * each round takes longer on the wall and no more of the processor.
 */

import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { ROUTES, type Route } from '../../src/http/routes.ts'
import { addressOf } from '../support/routes.ts'
import { COSTLY_BODIES } from './costly-bodies.ts'
import { type MeasuredServer, startMeasuredServer } from './measured-server.ts'

const FORM = 'application/x-www-form-urlencoded'
const REQUESTS = 20
const ROUNDS = 3
const MOST_CPU_MS = 15

const posts = ROUTES.filter(({ methods }) => methods.includes('POST'))

describe('an unauthenticated POST', () => {
  let server: MeasuredServer
  beforeAll(async () => {
    server = await startMeasuredServer()
  })
  afterAll(() => server.close())

  it.each(posts.flatMap((route) => Object.keys(COSTLY_BODIES).map((body) => ({ route, name: route.name, body }))))(
    '[A1] [S155] to $name of $body costs little, and is refused',
    async ({ route, body }) => {
      const text = COSTLY_BODIES[body]?.(route.limits.bodyBytes) ?? ''
      const rounds: number[] = []
      for (let round = 0; round < ROUNDS && Math.min(...rounds, Infinity) > MOST_CPU_MS; round++) {
        const before = await server.cpuMs()
        for (let sent = 0; sent < REQUESTS; sent++) await expectRefused(route, await send(route, text))
        rounds.push(((await server.cpuMs()) - before) / REQUESTS)
      }

      expect(Math.min(...rounds)).toBeLessThan(MOST_CPU_MS)
    },
  )

  it('[A1] leaves nothing of it in memory', async () => {
    for (const route of posts) await send(route, 'a&'.repeat(route.limits.bodyBytes / 2))
    const before = await server.memoryBytes()
    for (let round = 0; round < 10; round++) {
      await Promise.all(posts.map((route) => send(route, 'a&'.repeat(route.limits.bodyBytes / 2))))
    }

    expect((await server.memoryBytes()) - before).toBeLessThan(32 * 1024 * 1024)
  })

  it.each(posts)('[A1] to $name that comes slowly holds nothing but its connection', async (route) => {
    const before = await server.memoryBytes()
    const sockets = Array.from({ length: 20 }, () => trickle(route))
    await Promise.all(sockets.map(({ sent }) => sent))

    expect((await server.memoryBytes()) - before).toBeLessThan(16 * 1024 * 1024)
    for (const { end } of sockets) end()
  })

  async function send({ path, name, errors }: Route, body: string): Promise<Response> {
    const type = name === 'ssf-poll' ? 'application/json' : FORM
    return fetch(server.url + addressOf({ path }), {
      method: 'POST',
      headers: { 'content-type': type, accept: errors === 'page' ? 'text/html' : '*/*', origin: server.url },
      body,
      redirect: 'manual',
    })
  }

  /** A request of which the head and half of the body have come. */
  function trickle(route: Route): { sent: Promise<void>; end(): void } {
    const { hostname, port } = new URL(server.url)
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {})
    const bytes = route.limits.bodyBytes
    const head = `POST ${addressOf(route)} HTTP/1.1\r\nHost: x\r\nContent-Type: ${FORM}\r\nContent-Length: ${bytes}\r\n\r\n`
    const sent = new Promise<void>((resolve) => socket.write(head + 'a'.repeat(bytes / 2), () => resolve()))
    return { sent, end: () => void socket.destroy() }
  }
})

async function expectRefused({ errors }: Route, response: Response): Promise<void> {
  const text = await response.text()
  // A request that a page sends on by GET is judged there.
  if (response.status === 303) return
  expect([400, 401, 403, 413, 415]).toContain(response.status)
  if (errors === 'oauth') expect(JSON.parse(text)).toHaveProperty('error')
}
