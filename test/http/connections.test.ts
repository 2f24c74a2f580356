/** A stranger's connections, at a limit of open files as a service manager sets it. */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'

import { startProcesses } from '../support/server-process.ts'

const FILES = 512
const TOO_MANY = 700
const PATIENCE = { timeout: 180_000 }

describe('[B20] more silent connections than the process may have files', () => {
  it('end nothing: the server answers every caller, also from the same address', PATIENCE, async () => {
    const { servers, urls } = await limited()
    const [url = '', opsUrl = ''] = [urls[0], servers[0]?.opsUrl]
    const silent = await openSilent(url, TOO_MANY)

    const answers = await Promise.all(
      [`${url}/jwks`, `${url}/.well-known/openid-configuration`, `${opsUrl}/health/live`, `${opsUrl}/health/ready`].map(
        (each) => fetch(each),
      ),
    )
    const token = await fetchToken(url)

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(token.status).toBe(200)
    expect(silent.filter((socket) => !socket.destroyed).length).toBeLessThan(FILES)
    expect(servers[0]?.output.join('\n')).toContain('"event":"connections_full"')
  })

  it('to the operator’s port leave it answering', PATIENCE, async () => {
    const { servers } = await limited()
    const opsUrl = servers[0]?.opsUrl ?? ''
    await openSilent(opsUrl, 100)

    expect((await fetch(`${opsUrl}/health/live`)).status).toBe(200)
  })

  it('take no connection on which a request is under way', PATIENCE, async () => {
    const { urls } = await limited()
    const [url = ''] = urls
    const slow = await begin(url)
    await openSilent(url, TOO_MANY)

    slow.write('scope=x')

    expect(String(await once(slow, 'data'))).toMatch(/^HTTP\/1.1 400 /)
  })
})

describe('a slow sender', () => {
  // Headers have ten seconds; Node's own check for late ones would come after thirty.
  it('[A15] is cut off soon after the time that headers have', PATIENCE, async () => {
    const { urls } = await limited()
    const [socket] = await openSilent(urls[0] ?? '', 1)
    socket?.write('GET /jwks HTTP/1.1\r\nHost: localhost\r\n')

    const [answer] = (await once(socket as Socket, 'data', { signal: AbortSignal.timeout(22_000) })) as [Buffer]

    expect(String(answer)).toMatch(/^HTTP\/1.1 408 /)
  })
})

async function limited() {
  const processes = await startProcesses({ fileLimit: FILES })
  onTestFinished(() => processes.close())
  return processes
}

/** Resolves when each was connected, or closed again. */
async function openSilent(url: string, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(Number(new URL(url).port), '127.0.0.1'))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
  })
  await Promise.all(
    sockets.map((socket) =>
      once(
        socket.on('error', () => undefined),
        'connect',
      ),
    ),
  )
  return sockets
}

/** A request whose head was taken, and whose body is to come. */
async function begin(url: string): Promise<Socket> {
  const [socket] = (await openSilent(url, 1)) as [Socket]
  const head = ['POST /token HTTP/1.1', 'Host: localhost', 'Content-Type: application/x-www-form-urlencoded']
  socket.write([...head, 'Content-Length: 7', 'Expect: 100-continue', '\r\n'].join('\r\n'))
  expect(String(await once(socket, 'data'))).toMatch(/^HTTP\/1.1 100 Continue/)
  return socket
}

function fetchToken(url: string): Promise<Response> {
  const authorization = `Basic ${btoa('demo-machine:demo-machine-secret-not-for-production')}`
  const body = new URLSearchParams({ grant_type: 'client_credentials', scope: 'orders:read' })
  return fetch(`${url}/token`, { method: 'POST', headers: { authorization }, body })
}
