import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { runMachine } from '../../src/samples/machine/machine.ts'
import { machineToken, revokeMachineToken, type SamplesFixture, startSamplesFixture } from './samples-fixture.ts'
import { within } from '../support/figures.ts'

let fixture: SamplesFixture

beforeAll(async () => {
  fixture = await startSamplesFixture()
})
afterAll(() => fixture.close())

const APIS = [
  { name: 'orders', audience: 'https://orders.example', scope: 'orders:read', path: '/orders' },
  { name: 'inventory', audience: 'https://inventory.example', scope: 'inventory:read', path: '/items' },
  { name: 'reports', audience: 'https://reports.example', scope: 'reports:read', path: '/reports' },
] as const

describe.each(APIS)('the $name API', ({ name, audience, scope, path }) => {
  const address = () => `${fixture.samples.apis[name]}${path}`

  it('accepts a token that was issued for it, and no token for another API', async () => {
    for (const other of APIS) {
      const token = await machineToken(fixture.server.issuer, other.audience, other.scope)

      expect((await get(address(), token)).status).toBe(other.audience === audience ? 200 : 401)
    }
  })

  it('refuses a token within a second of its end', async () => {
    const token = await machineToken(fixture.server.issuer, audience, scope)
    expect((await get(address(), token)).status).toBe(200)

    await revokeMachineToken(fixture.server.issuer, token)

    await expect.poll(async () => (await get(address(), token)).status, within(1000)).toBe(401)
  })

  it('asks for a token and names the scope that is needed', async () => {
    const response = await fetch(address())

    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe(`Bearer realm="${audience}", scope="${scope}"`)
  })

  it('lets the pages of the SPA in, and no other origin', async () => {
    for (const origin of [
      'null',
      'https://evil.example',
      `${fixture.samples.spa}.evil.example`,
      fixture.samples.web,
      '',
    ]) {
      const response = await fetch(address(), { headers: { origin } })
      expect(response.headers.has('access-control-allow-origin'), origin).toBe(false)
      expect(response.headers.get('vary'), origin).toMatch(/\bOrigin\b/)
    }
    const preflight = await fetch(address(), { method: 'OPTIONS', headers: { origin: fixture.samples.spa } })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe(fixture.samples.spa)
    expect(preflight.headers.get('access-control-allow-headers')).toContain('Authorization')
    expect(preflight.headers.has('access-control-allow-credentials')).toBe(false)
  })

  it('tells a page of the SPA why it was refused', async () => {
    const response = await fetch(address(), { headers: { origin: fixture.samples.spa } })

    expect(response.headers.get('access-control-allow-origin')).toBe(fixture.samples.spa)
    expect(response.headers.get('access-control-expose-headers')).toContain('WWW-Authenticate')
  })

  it('has nothing at other addresses, and does not name its framework', async () => {
    const response = await fetch(new URL('/elsewhere', address()))

    expect(response.status).toBe(404)
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/)
    expect([response.headers.get('x-powered-by'), response.headers.get('server')]).toEqual([null, null])
  })
})

describe('the orders API', () => {
  const orders = () => `${fixture.samples.apis.orders}/orders`
  const tokenFor = (scope: string) => machineToken(fixture.server.issuer, 'https://orders.example', scope)

  it('needs another scope to place an order than to see them', async () => {
    const body = JSON.stringify({ item: 'Tea' })

    expect((await post(orders(), await tokenFor('orders:read'), body)).status).toBe(403)
    expect((await post(orders(), await tokenFor('orders:write'), body)).status).toBe(201)
    expect((await get(orders(), await tokenFor('orders:write'))).status).toBe(403)
    expect(await (await get(orders(), await tokenFor('orders:read'))).json()).toEqual({
      orders: [
        { id: 1, item: 'A pocket watch, slightly late' },
        { id: 2, item: 'Tea' },
      ],
    })
  })

  it.each([
    ['no JSON', '{'],
    ['null', 'null'],
    ['no item', '{}'],
    ['an empty item', '{"item":""}'],
    ['an item that is no text', '{"item":1}'],
    ['a long item', JSON.stringify({ item: 'x'.repeat(201) })],
    ['a body of 100 kB', JSON.stringify({ item: 'x', more: 'x'.repeat(100_000) })],
  ])('refuses %s', async (_name, body) => {
    const response = await post(orders(), await tokenFor('orders:write'), body).catch(() => undefined)

    expect(response?.status ?? 400).toBe(400)
  })

  it('answers other methods with 405', async () => {
    expect((await fetch(orders(), { method: 'DELETE' })).status).toBe(405)
  })
})

describe('the machine', () => {
  it('gets a token for each API and calls it', async () => {
    const lines: string[] = []

    await runMachine({ issuer: fixture.server.issuer, apis: fixture.samples.apis, print: (line) => lines.push(line) })

    expect(lines).toEqual([
      expect.stringMatching(/^orders\.example: 200 /),
      expect.stringMatching(/^inventory\.example: 200 /),
      expect.stringMatching(/^reports\.example: 200 /),
    ])
  })
})

describe('the samples', () => {
  it('verify on their own: with the server gone, a good token still opens each API', async () => {
    const own = await startSamplesFixture()
    const tokens = await Promise.all(
      APIS.map(({ audience, scope }) => machineToken(own.server.issuer, audience, scope)),
    )
    const callAll = () =>
      Promise.all(
        APIS.map(async ({ name, path }, i) => (await get(`${own.samples.apis[name]}${path}`, tokens[i])).status),
      )
    expect(await callAll()).toEqual([200, 200, 200])

    await own.server.close()

    expect(await callAll()).toEqual([200, 200, 200])
    await own.samples.close()
  })
})

function get(address: string, token: string | undefined): Promise<Response> {
  return fetch(address, { headers: { authorization: `Bearer ${token}` } })
}

function post(address: string, token: string, body: string): Promise<Response> {
  return fetch(address, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body })
}
