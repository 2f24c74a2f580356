import { IncomingMessage } from 'node:http'
import { connect, Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { createLargeBodies, largeBodyOf, MOST_WAITING } from '../../src/http/large-bodies.ts'
import { ROUTES } from '../../src/http/routes.ts'
import { type Running, start } from '../support/start.ts'
import { callEndpoint } from '../support/user-agent.ts'

const MACHINE = { id: 'demo-machine', secret: 'demo-machine-secret-not-for-production' }
// Each begun request holds the queue for some milliseconds, so some dozen begin before the last has come.
const FLOOD = MOST_WAITING + 144
// The body does not come, so a request that has begun is not answered.
const HEAD = [
  'POST /introspect HTTP/1.1',
  'Host: x',
  'Content-Type: application/x-www-form-urlencoded',
  'Content-Length: 262144',
  '\r\n',
].join('\r\n')

describe('a flood of large bodies', () => {
  let app: Running
  beforeAll(async () => {
    app = await start()
  })
  afterAll(() => app.close())

  it('[A1] waits in a bounded queue, while tokens are issued', async () => {
    const { hostname, port } = new URL(app.issuer)
    const answers: string[] = []
    const sockets = Array.from({ length: FLOOD }, () => {
      const socket = connect(Number(port), hostname)
      socket.on('error', () => {})
      socket.on('data', (data) => answers.push(data.toString()))
      socket.write(HEAD)
      return socket
    })

    await vi.waitFor(() => expect(answers).not.toHaveLength(0), { timeout: 10_000 })
    const { status } = await callEndpoint(`${app.issuer}/token`, { grant_type: 'client_credentials' }, MACHINE)

    expect(status).toBe(200)
    for (const answer of answers) {
      expect(answer).toMatch(/^HTTP\/1\.1 503 /)
      expect(answer).toMatch(/\r\nRetry-After: 5\r\n/i)
      expect(answer).toMatch(/\r\nConnection: close\r\n/i)
      expect(answer).toContain('"temporarily_unavailable"')
    }
    for (const socket of sockets) socket.destroy()
  })

  const posts = ROUTES.filter(({ methods }) => methods.includes('POST'))

  it.each(posts)('[A1] waits at $name, sent whole or in chunks', ({ limits: { bodyBytes } }) => {
    expect(largeBodyOf(withHeaders({ 'content-length': String(bodyBytes) }), bodyBytes)).toBe(bodyBytes)
    expect(largeBodyOf(withHeaders({ 'content-length': '999999999' }), bodyBytes)).toBe(bodyBytes)
    expect(largeBodyOf(withHeaders({ 'transfer-encoding': 'chunked' }), bodyBytes)).toBe(16 * 1024)
    expect(largeBodyOf(withHeaders({ 'content-length': '8192' }), bodyBytes)).toBeUndefined()
    expect(largeBodyOf(withHeaders({}), bodyBytes)).toBeUndefined()
  })

  function withHeaders(headers: Record<string, string>): IncomingMessage {
    return Object.assign(new IncomingMessage(new Socket()), { headers })
  }
})

describe('the queue for large bodies', () => {
  it('begins one at once, and the others in their order', async () => {
    const queue = createLargeBodies()
    const begun: number[] = []
    for (const at of [0, 1, 2]) queue.enqueue(request(), 1, () => begun.push(at))

    expect(begun).toEqual([0])
    await vi.waitFor(() => expect(begun).toEqual([0, 1, 2]))
  })

  it('[A1] takes a bounded number of requests, and more once these have begun', async () => {
    const queue = createLargeBodies()
    let begun = 0
    const taken = Array.from({ length: MOST_WAITING + 3 }, () => queue.enqueue(request(), 1, () => begun++))

    expect(taken.filter((isTaken) => !isTaken)).toHaveLength(2)
    await vi.waitFor(() => expect(begun).toBe(MOST_WAITING + 1), { timeout: 10_000 })
    expect(queue.enqueue(request(), 1, () => begun++)).toBe(true)
  })

  it('passes over callers that have left', async () => {
    const queue = createLargeBodies()
    const begun: string[] = []
    const gone = request()
    queue.enqueue(request(), 1, () => begun.push('first'))
    queue.enqueue(gone, 1, () => begun.push('gone'))
    queue.enqueue(request(), 1, () => begun.push('last'))
    gone.destroy()

    await vi.waitFor(() => expect(begun).toEqual(['first', 'last']))
  })

  function request(): IncomingMessage {
    return new IncomingMessage(new Socket())
  }
})
