/** The Reports API, on Fastify: what the caller may know of last month. */

import fastify from 'fastify'
import { createVerifier, type FastifyBearerRequest, fastifyBearer } from 'grantor/resource'

import type { Api, ApiOptions } from './api.ts'
import { corsHeaders } from './cors.ts'

export const REPORTS = 'https://reports.example'

export async function reportsApi(options: ApiOptions): Promise<Api> {
  const { allowedOrigin, audience = REPORTS, ...others } = options
  const verifier = createVerifier({ audience, ...others })
  const mayRead = fastifyBearer(verifier, { scopes: ['reports:read'] })
  const app = fastify()

  app.addHook('onRequest', async function cors(request, reply) {
    reply.headers(corsHeaders(request.headers.origin, { allowedOrigin, methods: ['GET'] }))
    reply.headers({ 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' })
    return request.method === 'OPTIONS' ? reply.code(204).send() : undefined
  })
  app.get('/reports', { onRequest: mayRead }, async (request: FastifyBearerRequest) => {
    return { reports: [{ title: 'Tea served last month', cups: 1865, preparedFor: request.token?.subject }] }
  })
  app.setNotFoundHandler(async (_request, reply) => {
    const body = { type: 'about:blank', status: 404, detail: 'There is nothing at this address.' }
    return reply.code(404).type('application/problem+json').send(JSON.stringify(body))
  })
  await app.ready()
  return { handler: (req, res) => app.routing(req, res), close: () => verifier.close() }
}
