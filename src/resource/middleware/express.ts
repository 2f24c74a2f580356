/** The guard as an Express middleware. Express is not imported: its requests and responses are those of node:http. */

import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Claims } from '../token/claims.ts'
import { type BearerOptions, createGuard, type Outcome } from './guard.ts'
import type { Verifier } from '../verifier.ts'

/** The verified token in the request of a guarded Express route. */
export interface BearerRequest<Custom = undefined> extends IncomingMessage {
  token?: Claims<Custom>
  /** Set by Express, which takes the path of a router away from `url`. */
  originalUrl?: string
}

export type ExpressBearer<Custom = undefined> = (
  req: BearerRequest<Custom>,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => Promise<void>

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
export function expressBearer<Custom>(verifier: Verifier<Custom>, options: BearerOptions = {}): ExpressBearer<Custom> {
  const guard = createGuard(verifier, options)
  return async function bearer(req, res, next) {
    let outcome: Outcome<Custom>
    try {
      outcome = await guard(req, req.originalUrl)
    } catch (error) {
      // Express 4 does not look at the promise.
      next(error)
      return
    }
    if ('claims' in outcome) {
      req.token = outcome.claims
      for (const [name, value] of Object.entries(outcome.headers)) res.setHeader(name, value)
      next()
      return
    }
    res.writeHead(outcome.answer.status, outcome.answer.headers).end(outcome.answer.body)
  }
}
