/** The same guarded route, `GET /`, behind each middleware on a real port. */

import express from 'express'
import { fastify } from 'fastify'
import Koa from 'koa'

import {
  type BearerOptions,
  type BearerRequest,
  expressBearer,
  type FastifyBearerRequest,
  fastifyBearer,
  koaBearer,
  nodeBearer,
  type Verifier,
} from '../../src/resource/index.ts'
import { serve, stop } from './issuer.ts'

export interface GuardedServer {
  readonly name: string
  readonly origin: string
  close(): Promise<void>
}

export const MIDDLEWARE = ['koaBearer', 'expressBearer', 'fastifyBearer', 'nodeBearer']

export async function startGuardedServers(
  verifier: Verifier,
  options: BearerOptions = { scopes: ['orders:read'] },
): Promise<GuardedServer[]> {
  const koa = new Koa().use(koaBearer(verifier, options)).use((ctx) => {
    ctx.body = { subject: ctx.state.token.subject }
  })
  const app = express().get('/', expressBearer(verifier, options), (req: BearerRequest, res) => {
    res.end(JSON.stringify({ subject: req.token?.subject }))
  })
  const bearer = nodeBearer(verifier, options)
  const listeners = {
    koaBearer: koa.callback(),
    expressBearer: app,
    nodeBearer: async (req: Parameters<typeof bearer>[0], res: Parameters<typeof bearer>[1]) => {
      const claims = await bearer(req, res)
      if (claims !== undefined) res.end(JSON.stringify({ subject: claims.subject }))
    },
  }
  return Promise.all([
    ...Object.entries(listeners).map(async ([name, listener]) => {
      const { server, origin } = await serve((req, res) => void listener(req, res))
      return { name, origin, close: () => stop(server) }
    }),
    openFastify(verifier, options),
  ])
}

async function openFastify(verifier: Verifier, options: BearerOptions): Promise<GuardedServer> {
  const app = fastify({ forceCloseConnections: true })
  app.get('/', { onRequest: fastifyBearer(verifier, options) }, async (request: FastifyBearerRequest) => ({
    subject: request.token?.subject,
  }))
  return { name: 'fastifyBearer', origin: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
}
