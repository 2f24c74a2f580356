/** What the table of routes says of a store that fails, held to for every route. */

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { ROUTES, type Route, type RouteName, routeFor, routesAt } from '../../src/http/routes.ts'
import { describeWithRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { addressOf } from '../support/routes.ts'
import { type Running, start } from '../support/start.ts'
import { type Prepared, prepareRequests } from './route-requests.ts'
import { within } from '../support/figures.ts'

describe('the table of routes', () => {
  it.each(ROUTES)('finds $name by its address, and by no longer or shorter one', (route) => {
    const address = addressOf(route)
    const shorter = address.slice(0, address.lastIndexOf('/'))

    expect(routeFor(routesAt(address), route.methods[0])).toBe(route)
    expect(routesAt(`${address}/more/and/more`)).toEqual([])
    expect(routesAt(shorter)).not.toContain(route)
  })

  it('has each path and method once', () => {
    const all = ROUTES.flatMap(({ path, methods }) => methods.map((method) => `${method} ${path}`))

    expect(new Set(all).size).toBe(all.length)
  })
})

describe('an address', () => {
  let app: Running
  beforeAll(async () => {
    app = await start()
  })
  afterAll(() => app.close())

  it.each(ROUTES)('[A1] $name refuses more parameters than it takes', async (route) => {
    const query = new URLSearchParams('a&'.repeat(route.limits.parameters + 1))
    const method = route.methods[0] ?? 'GET'
    const body = method === 'POST' ? new URLSearchParams('a=b') : null
    const response = await fetch(`${app.issuer}${addressOf(route)}?${query}`, { method, body, redirect: 'manual' })

    expect(response.status).toBe(400)
  })

  it.each(['/authorize', '/logout', '/account/apps'])('%s says by which methods it can be used', async (path) => {
    const response = await fetch(app.issuer + path, { method: 'DELETE', headers: { accept: 'text/html' } })

    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toContain('GET')
    expect(response.headers.get('content-type')).toContain('text/html')
  })
})

const FAILURES: Readonly<Record<string, (redis: RedisServer) => Promise<void> | void>> = {
  'is away': (redis) => redis.kill(),
  hangs: (redis) => redis.pause(),
}

describeWithRedis('with a store that', () => {
  describe.each(Object.entries(FAILURES))('%s', (_name, fail) => {
    let app: Running
    let redis: RedisServer
    let prepared: Prepared
    beforeAll(async () => {
      redis = await startRedis()
      app = await start({ redisUrl: redis.url })
      prepared = await prepareRequests(app)
      await fail(redis)
      await vi.waitFor(() => expect(app.nodes[0]?.store.status().ready).toBe(false), within(10_000))
    })
    afterAll(async () => {
      redis.resume()
      await redis.close()
      await app.close()
    })

    const needy = ROUTES.filter(({ store }) => store !== 'none')

    it.each(needy)('[B10] $name answers 503 with Retry-After, in its own form', async (route) => {
      const response = await prepared.requests[route.name as RouteName]()

      expect(response.status).toBe(503)
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
      await expectForm(route, response)
    })

    it.each(needy.filter(({ errors }) => errors === 'page'))('[B10] $name answers JSON to a program', async (route) => {
      const method = route.methods[0] ?? 'GET'
      const headers = { accept: 'application/json' }
      const response = await fetch(app.issuer + addressOf(route), { method, headers, redirect: 'manual' })

      if (response.status === 503) expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(response.headers.get('content-type')).toContain('json')
    })

    it.each(ROUTES.filter(({ store }) => store === 'none'))('$name answers all the same', async (route) => {
      const response = await prepared.requests[route.name as RouteName]()

      expect(response.status).toBeLessThan(500)
    })
  })
})

async function expectForm({ errors }: Route, response: Response): Promise<void> {
  const text = await response.text()
  if (errors === 'page') {
    expect(response.headers.get('content-type')).toContain('text/html')
    expect(text).toMatch(/<h1/)
  } else if (errors === 'oauth') {
    expect(JSON.parse(text)).toMatchObject({ error: 'temporarily_unavailable' })
  } else {
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(JSON.parse(text)).toMatchObject({ code: expect.stringMatching(/unavailable/) })
  }
}
