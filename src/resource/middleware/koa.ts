/** The guard as a Koa middleware. Koa is not imported, nor are its types: an API on something else has none of them. */

import type { IncomingMessage } from 'node:http'

import type { Claims } from '../token/claims.ts'
import { type BearerOptions, createGuard } from './guard.ts'
import type { Verifier } from '../verifier.ts'

/** The verified token in `ctx.state` of a guarded Koa route. */
export interface BearerState<Custom = undefined> {
  token: Claims<Custom>
}

/** As much of Koa's context as the guard needs. */
export interface BearerContext<Custom = undefined> {
  readonly req: IncomingMessage
  readonly originalUrl: string
  readonly state: BearerState<Custom>
  status: number
  body: unknown
  set(headers: { [name: string]: string }): unknown
}

export type KoaBearer<Custom = undefined> = (
  ctx: BearerContext<Custom>,
  next: () => Promise<unknown>,
) => Promise<unknown>

/**
 * Lets a request through when its access token is good, with the claims in `ctx.state.token`; answers 400, 401, 403 or
 * 503 itself otherwise (RFC 6750 section 3, RFC 9457), and then nothing behind it runs.
 *
 * Throws a `TypeError` when made with scopes that no token could carry.
 *
 * ```ts
 * const app = new Koa()
 * app.use(koaBearer(verifier, { scopes: ['orders:read'] }))
 * app.use((ctx) => { ctx.body = `orders of ${ctx.state.token.subject}` })
 * ```
 */
export function koaBearer<Custom>(verifier: Verifier<Custom>, options: BearerOptions = {}): KoaBearer<Custom> {
  const guard = createGuard(verifier, options)
  return async function bearer(ctx, next) {
    const outcome = await guard(ctx.req, ctx.originalUrl)
    if ('claims' in outcome) {
      ctx.state.token = outcome.claims
      ctx.set({ ...outcome.headers })
      return next()
    }
    ctx.status = outcome.answer.status
    ctx.set({ ...outcome.answer.headers })
    ctx.body = outcome.answer.body
    return undefined
  }
}
