/** The guard as a Fastify hook. Fastify is not imported: what of its requests and replies is used is described here. */

import type { IncomingMessage } from 'node:http'

import type { Claims } from '../token/claims.ts'
import { type BearerOptions, createGuard } from './guard.ts'
import type { Verifier } from '../verifier.ts'

/** The verified token in the request of a guarded Fastify route. */
export interface FastifyBearerRequest<Custom = undefined> {
  readonly raw: IncomingMessage
  readonly originalUrl?: string
  token?: Claims<Custom>
}

interface Reply {
  code(status: number): unknown
  headers(values: Record<string, string>): unknown
  send(body: string): unknown
}

export type FastifyBearer<Custom = undefined> = (
  request: FastifyBearerRequest<Custom>,
  reply: Reply,
) => Promise<unknown>

/**
 * An `onRequest` hook that lets a request through when its access token is good, with the claims in `request.token`;
 * answers 400, 401, 403 or 503 itself otherwise (RFC 6750 section 3, RFC 9457), and then nothing behind it runs.
 *
 * Throws a `TypeError` when made with scopes that no token could carry.
 *
 * ```ts
 * const app = fastify()
 * const mayRead = fastifyBearer(verifier, { scopes: ['reports:read'] })
 * app.get('/reports', { onRequest: mayRead }, async (request: FastifyBearerRequest) => ({ of: request.token?.subject }))
 * ```
 */
export function fastifyBearer<Custom>(verifier: Verifier<Custom>, options: BearerOptions = {}): FastifyBearer<Custom> {
  const guard = createGuard(verifier, options)
  return async function bearer(request, reply) {
    const outcome = await guard(request.raw, request.originalUrl)
    if ('claims' in outcome) {
      request.token = outcome.claims
      reply.headers({ ...outcome.headers })
      return undefined
    }
    reply.code(outcome.answer.status)
    reply.headers({ ...outcome.answer.headers })
    reply.send(outcome.answer.body)
    // An async hook that has answered says so by giving the reply back.
    return reply
  }
}
