/** Proofs are for the address that the client used, wherever in an application the guarded route hangs. */

import express from 'express'
import { fastify } from 'fastify'
import Koa from 'koa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import {
  createVerifier,
  expressBearer,
  type FastifyBearerRequest,
  fastifyBearer,
  koaBearer,
  type Verifier,
} from '../../src/resource/index.ts'
import { AUDIENCE, mint, NOW, type StrangeIssuer, serve, startIssuer, stop } from './issuer.ts'
import { createDpopClient, type DpopClient } from './dpop-client.ts'

// A proxy takes /api away, the application hangs the route under /v1.
const [BEFORE_PROXY, BEHIND_PROXY] = ['https://orders.example/api/v1/orders', '/v1/orders?page=2']

let at: StrangeIssuer
let ana: DpopClient
let verifier: Verifier

beforeAll(async () => {
  at = await startIssuer()
  ana = await createDpopClient()
  verifier = createVerifier({
    ...{ issuer: at.issuer, audience: AUDIENCE, clock: () => NOW * 1000 },
    dpop: { publicUrl: 'https://orders.example/api/' },
  })
})
afterAll(() => at.close())

function headersFor(address: string): Record<string, string> {
  const token = mint(at.issuer, at.ec, { cnf: ana.cnf })
  return { authorization: `DPoP ${token}`, dpop: ana.prove(token, address) }
}

async function statusesAt(listener: Parameters<typeof serve>[0]): Promise<number[]> {
  const { server, origin } = await serve(listener)
  const statuses = [BEFORE_PROXY, 'https://orders.example/api/orders', 'https://orders.example/v1/orders'].map(
    async (address) => (await fetch(`${origin}${BEHIND_PROXY}`, { headers: headersFor(address) })).status,
  )
  const all = await Promise.all(statuses)
  await stop(server)
  return all
}

describe('a proof for a route', () => {
  it('of an Express router is for the whole path', async () => {
    const router = express.Router().get('/orders', expressBearer(verifier), (_req, res) => void res.end())

    expect(await statusesAt(express().use('/v1', router))).toEqual([200, 401, 401])
  })

  it('of a Koa application that was mounted under a path is for the whole path', async () => {
    const app = new Koa()
    app.use((ctx, next) => {
      ctx.path = ctx.path.replace('/v1', '')
      return next()
    })
    app.use(koaBearer(verifier)).use((ctx) => {
      ctx.body = ctx.path
    })

    const callback = app.callback()
    expect(await statusesAt((req, res) => void callback(req, res))).toEqual([200, 401, 401])
  })

  it('of a Fastify plugin with a prefix is for the whole path, also when it is injected', async () => {
    const app = fastify()
    await app.register(
      async (plugin) => {
        plugin.get('/orders', { onRequest: fastifyBearer(verifier) }, async (request: FastifyBearerRequest) => ({
          of: request.token?.subject,
        }))
      },
      { prefix: '/v1' },
    )

    const good = await app.inject({ url: BEHIND_PROXY, headers: headersFor(BEFORE_PROXY) })
    const bad = await app.inject({ url: BEHIND_PROXY, headers: headersFor('https://orders.example/api/orders') })
    const none = await app.inject({ url: BEHIND_PROXY })

    expect([good.statusCode, bad.statusCode, none.statusCode]).toEqual([200, 401, 401])
    expect(good.json()).toEqual({ of: 'u_1' })
    expect(none.headers['www-authenticate']).toMatch(/^Bearer realm=/)
    await app.close()
  })
})
