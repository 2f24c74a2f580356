/** The guard as an Express middleware. Express is not imported: its requests and responses are those of node:http. */

import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Claims } from './claims.ts'
import { type BearerOptions, createGuard } from './guard.ts'
import type { Verifier } from './verifier.ts'

/** What a guarded Express route finds in its request. */
export interface BearerRequest extends IncomingMessage {
  token?: Claims
}

export type ExpressBearer = (req: BearerRequest, res: ServerResponse, next: (error?: unknown) => void) => Promise<void>

/**
 * Lets a request through when its access token is good, with the claims in `req.token`; answers 400, 401, 403 or 503
 * itself otherwise (RFC 6750 section 3, RFC 9457), and then nothing behind it runs. Works in Express 4 and 5.
 *
 * Throws a `TypeError` when made with scopes that no token could carry.
 *
 * ```ts
 * const app = express()
 * app.get('/items', expressBearer(verifier, { scopes: ['inventory:read'] }), (req: BearerRequest, res) => {
 *   res.json({ of: req.token?.subject })
 * })
 * ```
 */
export function expressBearer(verifier: Verifier, options: BearerOptions = {}): ExpressBearer {
  const guard = createGuard(verifier, options)
  return async function bearer(req, res, next) {
    let outcome: Awaited<ReturnType<typeof guard>>
    try {
      outcome = await guard(req)
    } catch (error) {
      // Express 4 does not look at the promise.
      next(error)
      return
    }
    if ('claims' in outcome) {
      req.token = outcome.claims
      next()
      return
    }
    res.writeHead(outcome.answer.status, outcome.answer.headers).end(outcome.answer.body)
  }
}
