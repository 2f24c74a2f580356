/** What all middlewares have in common: a request is let through with its claims, or there is something to answer. */

import type { IncomingMessage } from 'node:http'

import { type Answer, answerTo } from './challenge.ts'
import type { Claims } from '../token/claims.ts'
import type { ProtectedResource } from './protected-resource.ts'
import { Refusal } from '../refusals.ts'
import { schemeOf } from '../request.ts'
import { checkRequirements, type Requirements } from '../requirements.ts'
import type { Verifier } from '../verifier.ts'

/** The requirements of a guarded route; by default any valid token for this API. */
export interface BearerOptions extends Requirements {
  /** The `realm` of the challenge; default the verifier's audience. */
  readonly realm?: string
  /** The API's metadata (RFC 9728): challenges then say where it is. */
  readonly resource?: ProtectedResource
}

/** Claims and headers that the response should carry, or the whole response. */
export type Outcome<Custom = undefined> =
  | { readonly claims: Claims<Custom>; readonly headers: Readonly<Record<string, string>> }
  | { readonly answer: Answer }

/** `originalUrl` is path and query as the client sent them, where the framework has changed `request.url`. */
export type Guard<Custom = undefined> = (request: IncomingMessage, originalUrl?: string) => Promise<Outcome<Custom>>

const NO_HEADERS = Object.freeze({})

/**
 * A function that lets a request through with its claims, or says what to answer: for frameworks that have no middleware
 * here. Errors that are no refusals are thrown.
 *
 * Throws a `TypeError` when made with scopes that no token could carry.
 *
 * ```ts
 * const guard = createGuard(verifier, { scopes: ['orders:read'] })
 * const outcome = await guard(request)
 * if ('answer' in outcome) return respond(outcome.answer.status, outcome.answer.headers, outcome.answer.body)
 * console.log(outcome.claims.subject)
 * ```
 */
export function createGuard<Custom>(verifier: Verifier<Custom>, options: BearerOptions = {}): Guard<Custom> {
  const { realm = verifier.audience, resource } = options
  const { dpopAlgorithms } = verifier
  const needs = checkRequirements(options, dpopAlgorithms.length > 0)
  const challenge = {
    ...{ realm, dpopAlgorithms, scopes: needs.scopes ?? [], dpop: needs.dpop },
    resourceMetadata: resource?.url,
  }

  return async function guard(request, originalUrl) {
    let headers: Readonly<Record<string, string>> = NO_HEADERS
    function onNonce(nonce: string): void {
      // A nonce from a cache would be an old one (RFC 9449 section 8.2).
      headers = { 'DPoP-Nonce': nonce, 'Cache-Control': 'no-store' }
    }
    try {
      const claims = await verifier.verifyRequest(request, { ...needs, originalUrl, onNonce })
      return { claims, headers }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return { answer: answerTo(error, { ...challenge, scheme: schemeOf(request) }) }
    }
  }
}
