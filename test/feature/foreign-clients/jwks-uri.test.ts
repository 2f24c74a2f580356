/** Keys of clients that the server fetches: where from, and what is said when it cannot. */

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createPublicKey } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'

import { isPrivateHost } from '../../../src/registry/client/private-hosts.ts'
import { ASSERTION_TYPE, keyed, post } from '../../support/requests.ts'
import { type Running, start } from '../../support/start.ts'

const client = keyed('fetched')
const KEYS = JSON.stringify({
  keys: [{ ...createPublicKey(client.privateKey).export({ format: 'jwk' }), kid: 'of-the-client', alg: 'ES256' }],
})

async function serve(answer: (res: ServerResponse) => void): Promise<string> {
  const server = createServer((_req, res) => answer(res))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys?secret=x`
}

async function running(jwksUri: string, privateHosts?: string[]) {
  const lines: Record<string, unknown>[] = []
  const app = await start({
    clients: [{ ...client.settings, jwks: undefined, jwksUri }],
    ...(privateHosts && { config: { privateHosts } }),
    onLog: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
  })
  onTestFinished(() => app.close())
  return { app, failures: () => lines.filter(({ event }) => event === 'fetch_failed') }
}

async function tokenStatus({ issuer }: Running): Promise<number> {
  const client_assertion = await client.assertion(issuer)
  const form = { grant_type: 'client_credentials', client_assertion_type: ASSERTION_TYPE, client_assertion }
  return (await post(`${issuer}/token`, form)).status
}

describe('a jwks_uri', () => {
  it('at a private address is fetched where its host is named', async () => {
    const { app, failures } = await running(await serve((res) => void res.end(KEYS)))

    expect(await tokenStatus(app)).toBe(200)
    expect(failures()).toEqual([])
  })

  it('[S151] at a private address is not fetched otherwise, and the log says so', async () => {
    let asked = 0
    const address = await serve((res) => {
      asked++
      res.end(KEYS)
    })
    const { app, failures } = await running(address, [])

    expect(await tokenStatus(app)).toBe(401)
    expect(asked).toBe(0)
    expect(failures()).toEqual([
      expect.objectContaining({ address: address.split('?')[0], reason: expect.stringMatching(/special-use/) }),
    ])
  })

  it('that answers with an error is named in the log, without its query', async () => {
    const { app, failures } = await running(await serve((res) => void res.writeHead(503).end()))

    expect(await tokenStatus(app)).toBe(401)
    expect(failures()).toEqual([expect.objectContaining({ reason: 'status 503' })])
    expect(JSON.stringify(failures())).not.toContain('secret=x')
  })
})

describe('a private host', () => {
  it.each([
    ...['localhost', 'a.localhost', 'LOCALHOST.', '127.0.0.1', '127.9.9.9', '10.0.0.1', '172.16.0.1', '192.168.1.1'],
    ...['169.254.169.254', '100.64.0.1', '0.0.0.0', '[::1]', '[::]', '[fd00::1]', '[fe80::1]', '[::ffff:10.0.0.1]'],
  ])('is %s', (host) => {
    expect(isPrivateHost(host)).toBe(true)
  })

  it.each(['example.com', '8.8.8.8', '172.32.0.1', '[2606:4700::1111]', 'localhost.example'])('is not %s', (host) => {
    expect(isPrivateHost(host)).toBe(false)
  })
})
