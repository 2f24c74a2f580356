import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { expect, it, onTestFinished, vi } from 'vitest'

import { start } from '../../support/start.ts'
import { ASSERTION_TYPE, keyed, post } from '../../support/requests.ts'
import { within } from '../../support/figures.ts'

const MOST_BYTES = 256 * 1024
const CHUNK = Buffer.alloc(64 * 1024, ' ')

it('[A15] no more of the answer of a `jwks_uri` is read than a set of keys can have', async () => {
  let sent = 0
  let isCut = false
  const server = createServer((_req, res) => {
    res.on('close', () => {
      isCut = true
    })
    const more = () => {
      while (!isCut && sent < 1000 * CHUNK.length) {
        sent += CHUNK.length
        if (!res.write(CHUNK)) return void res.once('drain', more)
      }
      res.end()
    }
    more()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const jwksUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  // The engine connects to no address of this machine; what it asks for goes there all the same.
  const connect = globalThis.fetch
  vi.stubGlobal('fetch', (url: string, options?: RequestInit) => {
    return url === jwksUri
      ? connect(url, { ...options, dispatcher: undefined } as unknown as RequestInit)
      : connect(url, options)
  })
  onTestFinished(() => void vi.unstubAllGlobals())
  const client = keyed('by-address')
  const app = await start({ clients: [{ ...client.settings, jwks: undefined, jwksUri }] })
  onTestFinished(() => app.close())

  const { status, body } = await post(`${app.issuer}/token`, {
    grant_type: 'client_credentials',
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: await client.assertion(app.issuer),
  })

  expect({ status, error: body.error }).toEqual({ status: 401, error: 'invalid_client' })
  await vi.waitFor(() => expect(isCut).toBe(true), within(10_000))
  // What the system's buffers took on the way is not read.
  expect(sent).toBeLessThan(MOST_BYTES + 16 * 1024 * 1024)
})
