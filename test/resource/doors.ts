/** The same guarded route, `GET /` needing `orders:read`, behind each middleware on a real port. */

import express from 'express'
import { fastify } from 'fastify'
import Koa from 'koa'

import {
  type BearerRequest,
  expressBearer,
  type FastifyBearerRequest,
  fastifyBearer,
  koaBearer,
  nodeBearer,
  type Verifier,
} from '../../src/resource/index.ts'
import { serve, stop } from './issuer.ts'

export interface Door {
  readonly name: string
  readonly origin: string
  close(): Promise<void>
}

const NEEDED = { scopes: ['orders:read'] }

export async function openDoors(verifier: Verifier): Promise<Door[]> {
  const koa = new Koa().use(koaBearer(verifier, NEEDED)).use((ctx) => {
    ctx.body = { subject: ctx.state.token.subject }
  })
  const app = express().get('/', expressBearer(verifier, NEEDED), (req: BearerRequest, res) => {
    res.end(JSON.stringify({ subject: req.token?.subject }))
  })
  const fast = fastify()
  fast.get('/', { onRequest: fastifyBearer(verifier, NEEDED) as never }, (request) => ({
    subject: (request as FastifyBearerRequest).token?.subject,
  }))
  await fast.ready()
  const bearer = nodeBearer(verifier, NEEDED)
  const listeners = {
    koaBearer: koa.callback(),
    expressBearer: app,
    fastifyBearer: (req: Parameters<typeof bearer>[0], res: Parameters<typeof bearer>[1]) => fast.routing(req, res),
    nodeBearer: async (req: Parameters<typeof bearer>[0], res: Parameters<typeof bearer>[1]) => {
      const claims = await bearer(req, res)
      if (claims !== undefined) res.end(JSON.stringify({ subject: claims.subject }))
    },
  }
  return Promise.all(
    Object.entries(listeners).map(async ([name, listener]) => {
      const { server, origin } = await serve((req, res) => void listener(req, res))
      return { name, origin, close: () => stop(server) }
    }),
  )
}
