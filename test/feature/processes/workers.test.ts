import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import { callEndpoint, createUserAgent, newPkce, redeem, refresh, signIn } from '../../support/user-agent.ts'
import { type Supervised, startSupervised } from './supervised.ts'

const MACHINE = { id: 'demo-machine', secret: 'demo-machine-secret-not-for-production' }

const PATIENCE = { timeout: 180_000 }

describe('two workers', () => {
  let server: Supervised
  beforeAll(async () => {
    server = await startWorkers(2)
  }, 90_000)
  afterAll(() => server.close())

  it('are one server: each request of a sign-in may meet either', PATIENCE, async () => {
    // At once, so that there are many connections, which the workers get in turns.
    const flows = await Promise.all(Array.from({ length: 6 }, () => signInAndRefresh(server)))

    for (const { first, second } of flows) {
      expect(first.status, JSON.stringify(first.body)).toBe(200)
      expect(second.status, JSON.stringify(second.body)).toBe(200)
    }
    expect(await whoAnswers(server, 2)).toEqual(new Set(server.listeners()))
  })

  it('are two again after one was killed, and lose nothing that was stored', PATIENCE, async () => {
    const { second } = await signInAndRefresh(server)
    const [killed = 0, left = 0] = server.listeners()

    process.kill(killed, 'SIGKILL')

    await server.until('the killed one is replaced', () => server.listeners().length === 3)
    const [, , replacement = 0] = server.listeners()
    expect([killed, left, server.pid]).not.toContain(replacement)
    expect(await whoAnswers(server, 2)).toEqual(new Set([left, replacement]))
    const third = await refresh(server.urls[0] ?? '', second.body.refresh_token ?? '')
    expect(third.status, JSON.stringify(third.body)).toBe(200)
  })

  it('[B22] answer or cut off every request when one of them is killed, again and again', PATIENCE, async () => {
    const begun = server.listeners().length
    const load = connectionsOf(server)

    for (let kill = 1; kill <= 4; kill++) {
      await load.more(40)
      process.kill(server.listeners().at(-1) ?? 0, 'SIGKILL')
      await server.until('the killed one is replaced', () => server.listeners().length === begun + kill)
    }
    await load.more(40)

    // None hangs, or it would not stop. What a killed worker held is cut off, and while the system takes its sockets away one
    // by one a machine may come to it once more.
    const { answered, cutOff } = await load.stop()
    expect(answered).toBeGreaterThanOrEqual(200)
    expect(cutOff).toBeLessThanOrEqual(4 * 3 * MACHINES)
  })

  it('end with the server that started them, when that is killed', PATIENCE, async () => {
    process.kill(server.pid, 'SIGKILL')

    await server.until('the workers are gone', () => !server.listeners().some(isAlive))
  })
})

describe('a start that is refused', () => {
  it('ends with 1, and is not tried again and again, with workers either', PATIENCE, async () => {
    const port = createServer().listen(0, '127.0.0.1')
    await once(port, 'listening')

    const { port: taken } = port.address() as AddressInfo
    const server = await startSupervised({ WORKERS: '2', OPS_PORT: String(taken) })
    onTestFinished(() => server.close())
    const { code } = await server.ended()
    port.close()

    expect(code).toBe(1)
    expect(server.words).toEqual([
      expect.stringMatching(new RegExp(`^Cannot listen on 127.0.0.1:${taken}: another process`)),
    ])
  })
})

describe.each([1, 2])('SIGTERM, with %i worker(s)', (workers) => {
  it('lets requests under way finish, takes no new ones, and ends with 0', PATIENCE, async () => {
    const server = await startWorkers(workers)
    onTestFinished(() => server.close())
    const requests = await Promise.all(Array.from({ length: 8 }, () => begin(server)))
    // What must not keep it: connections that a browser opened ahead of need, and half a request to the operator's port.
    const ports = [new URL(server.urls[0] ?? ''), new URL(server.opsUrl)].map(({ port }) => port)
    const others = [...ports, ...ports].map(openTo)
    others.at(-1)?.write('GET /health/live HTTP/1.1\r\n')
    const load = loadOf(server)
    await load.until(50)

    const ending = server.terminate()
    await server.until('all say that they stop', () => {
      return server.lines.filter(({ event }) => event === 'stopping').length === workers
    })
    await untilRefused(server)
    const answers = await Promise.all(requests.map((request) => request.finish()))
    const { code } = await ending
    load.stop()
    for (const socket of others) socket.destroy()

    for (const answer of answers) {
      expect(answer).toMatch(/^HTTP\/1.1 200 OK/)
      expect(answer).toMatch(/\r\nConnection: close\r\n/i)
      expect(answer).toContain('"access_token":"')
    }
    // Who came too late got no answer, never half a one or an error.
    expect(new Set(load.statuses)).toEqual(new Set([200]))
    expect(code).toBe(0)
  })
})

async function startWorkers(workers: number): Promise<Supervised> {
  const server = await startSupervised({ WORKERS: String(workers) })
  try {
    await server.until('they listen', () => server.listeners().length === workers)
    return server
  } catch (error) {
    await server.close()
    throw error
  }
}

async function signInAndRefresh(server: Supervised) {
  const [url = ''] = server.urls
  const pkce = newPkce()
  const callback = await signIn(createUserAgent(server), pkce)
  const first = await redeem(url, callback.get('code') ?? '', pkce)
  const second = await refresh(url, first.body.refresh_token ?? '')
  return { first, second }
}

/** Which processes answer, each request on a connection of its own, until as many have as there should be. */
async function whoAnswers(server: Supervised, count: number): Promise<Set<number>> {
  const before = server.lines.length
  // Each logs the refusal of what is not there.
  const answered = () => {
    const refusals = server.lines.slice(before).filter(({ event }) => event === 'request_refused')
    return new Set(refusals.map(({ pid }) => pid))
  }
  while (answered().size < count) await fetch(`${server.urls[0]}/nothing-here`, { headers: { connection: 'close' } })
  return answered()
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

function openTo(port: string): Socket {
  // The server may end it in any way.
  return connect(Number(port), '127.0.0.1').on('error', () => undefined)
}

/** A token request whose head the server has taken, and whose body is yet to come. */
async function begin(server: Supervised): Promise<{ finish(): Promise<string> }> {
  const body = 'grant_type=client_credentials&scope=orders:read'
  const socket = openTo(new URL(server.urls[0] ?? '').port)
  const closed = once(socket, 'close')
  let received = ''
  socket.on('data', (data) => {
    received += data.toString()
  })
  socket.write(
    [
      'POST /token HTTP/1.1',
      'Host: localhost',
      `Authorization: Basic ${btoa(`${MACHINE.id}:${MACHINE.secret}`)}`,
      'Content-Type: application/x-www-form-urlencoded',
      `Content-Length: ${body.length}`,
      'Expect: 100-continue',
      '\r\n',
    ].join('\r\n'),
  )
  await server.until('the head of the request was taken', () => received.startsWith('HTTP/1.1 100 Continue\r\n\r\n'))
  received = ''
  return {
    async finish() {
      socket.write(body)
      await closed
      return received
    },
  }
}

const MACHINES = 8

/** Machines that fetch tokens one after the other, each on a new connection. A request that hangs keeps them from stopping. */
function connectionsOf(server: Supervised) {
  let [answered, cutOff] = [0, 0]
  let stopped = false
  async function machine(): Promise<void> {
    while (!stopped) {
      try {
        const answer = await fetch(`${server.urls[0]}/jwks`, { headers: { connection: 'close' } })
        await answer.arrayBuffer()
        answered += 1
      } catch {
        cutOff += 1
      }
    }
  }
  const machines = Array.from({ length: MACHINES }, machine)
  return {
    more(count: number) {
      const until = answered + count
      return server.until(`${count} more answers`, () => answered >= until)
    },
    async stop() {
      stopped = true
      await Promise.all(machines)
      return { answered, cutOff }
    },
  }
}

/**
 * Resolves when no worker listens any more. A worker that closes its port resets a connection that waits there, while
 * another may still listen; so only a refused connection counts.
 */
async function untilRefused(server: Supervised): Promise<void> {
  const ask = () => fetch(`${server.urls[0]}/jwks`, { headers: { connection: 'close' } })
  const code = () => ask().then(undefined, ({ cause }: { cause?: { code?: string } }) => cause?.code)
  while ((await code()) !== 'ECONNREFUSED');
}

/** Machines that fetch tokens one after the other, on connections that they keep. */
function loadOf(server: Supervised) {
  const statuses: number[] = []
  let stopped = false
  async function machine(): Promise<void> {
    while (!stopped) {
      try {
        const params = { grant_type: 'client_credentials', scope: 'orders:read' }
        statuses.push((await callEndpoint(`${server.urls[0]}/token`, params, MACHINE)).status)
      } catch {
        return
      }
    }
  }
  for (let index = 0; index < 8; index++) void machine()
  return {
    statuses,
    until: (count: number) => server.until(`${count} answers`, () => statuses.length >= count),
    stop() {
      stopped = true
    },
  }
}
