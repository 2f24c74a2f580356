/** The guard for plain node:http. */

import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Claims } from '../token/claims.ts'
import { type BearerOptions, createGuard } from './guard.ts'
import type { Verifier } from '../verifier.ts'

export type NodeBearer<Custom = undefined> = (
  req: IncomingMessage,
  res: ServerResponse,
) => Promise<Claims<Custom> | undefined>

/**
 * Gives the claims of a request whose access token is good; otherwise answers 400, 401, 403 or 503 itself (RFC 6750
 * section 3, RFC 9457) and gives `undefined`: the caller then has nothing left to do.
 *
 * Throws a `TypeError` when made with scopes that no token could carry.
 *
 * ```ts
 * const bearer = nodeBearer(verifier, { scopes: ['reports:read'] })
 * createServer(async (req, res) => {
 *   const token = await bearer(req, res)
 *   if (token === undefined) return
 *   res.end(`reports of ${token.subject}`)
 * })
 * ```
 */
export function nodeBearer<Custom>(verifier: Verifier<Custom>, options: BearerOptions = {}): NodeBearer<Custom> {
  const guard = createGuard(verifier, options)
  return async function bearer(req, res) {
    const outcome = await guard(req)
    if ('claims' in outcome) {
      for (const [name, value] of Object.entries(outcome.headers)) res.setHeader(name, value)
      return outcome.claims
    }
    res.writeHead(outcome.answer.status, outcome.answer.headers).end(outcome.answer.body)
    return undefined
  }
}
