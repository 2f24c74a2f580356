/** The work around every request to the engine: one middleware, the outermost of the engine's stack. */

import { errors, type KoaContextWithOIDC } from 'oidc-provider'

import type { Log } from '../../audit/log.ts'
import { Fault, retryAfterOf } from '../../faults/fault.ts'
import type { Clients } from '../../clients/clients.ts'
import type { WebOrigins } from '../../clients/web-origins.ts'
import type { Store } from '../../store/store.ts'
import { cookieNames, renderSelfPost, type EnginePages } from '../configuration/browsers.ts'
import { asEngineError } from './errors.ts'
import { keepRequest } from '../interactions/begun-request.ts'
import { readFlowCookies, writeFlowCookies } from '../interactions/flow-cookies.ts'
import type { Documents } from '../documents.ts'
import { nameByBody } from './empty-secret.ts'
import { shortenLongToken } from './long-tokens.ts'
import { handBody } from './body.ts'
import { noteRefusal, type Refusals } from './refusals.ts'
import { scopeOf } from './scope.ts'
import { RESPONSE_MODES } from '../../registry/client/client.ts'
import { OAUTH_METADATA, REVOCATIONS } from '../paths.ts'
import { withholdAmbiguousProof } from './strict-jwt.ts'

interface MiddlewareParts {
  readonly issuer: string
  readonly clients: Pick<Clients, 'findClient' | 'heldClient'>
  readonly store: Store
  readonly log: Log
  readonly documents: Documents
  readonly pages: EnginePages
  readonly refusals: Refusals
  readonly webOrigins: Pick<WebOrigins, 'isRegistered'>
}

const UNKNOWN_ASKER = 'introspection wants a client that proves who it is'

// Headers are asked of the response itself: Koa's own way copies all of them each time.
export function requestMiddleware({
  issuer,
  clients,
  store,
  log,
  documents,
  webOrigins,
  pages,
  refusals,
}: MiddlewareParts) {
  const names = cookieNames(issuer)
  const ourMetadata = { response_modes_supported: RESPONSE_MODES }
  // No registered name of metadata, so it stands where verifiers of ours look, and OpenID Connect Discovery is free of it.
  const forVerifiers = { revocations_endpoint: issuer + REVOCATIONS }

  return async function requestMiddleware(ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> {
    readFlowCookies(ctx.req, names)
    shortenLongToken(ctx.req, ctx.path)
    await nameByBody(ctx.req, clients)
    if (ctx.method === 'POST') handBody(ctx.req)
    withholdAmbiguousProof(ctx.req)
    try {
      await next()
      await spendCode(ctx)
      nameMissingRedirectUri(ctx)
      refuseUnknownAskers(ctx)
      emptyWithoutType(ctx)
    } catch (error) {
      fail(ctx, error)
    }
    refusals.report(ctx)
    renderSelfPost(ctx, pages)
    keepRequest(ctx, names)
    writeFlowCookies(ctx.res, names)
    sayWhenToRetry(ctx)
    await withholdFromStrangers(ctx)
    // The engine says so at every endpoint but the revocation endpoint.
    if (!ctx.res.hasHeader('Cache-Control')) ctx.set('Cache-Control', 'no-store')
    if (ctx.status === 401 && !ctx.res.hasHeader('WWW-Authenticate')) challenge(ctx)
    if (ctx.oidc?.route === 'discovery') Object.assign(ctx.body as object, ourMetadata)
    if (ctx.oidc?.route === 'discovery' && ctx.path === OAUTH_METADATA) Object.assign(ctx.body as object, forVerifiers)
    documents.keep(ctx)
  }

  /**
   * A failed redemption by the right client uses up the code, so an attacker who has the code without the verifier has
   * one attempt. A client that the code was not issued to cannot use it up.
   */
  async function spendCode(ctx: KoaContextWithOIDC): Promise<void> {
    if (ctx.oidc?.route !== 'token' || ctx.status !== 400) return
    const { source, by } = scopeOf(ctx)
    if (source?.model !== 'AuthorizationCode' || source.state.is === 'decided') return
    if (source.clientId === ctx.oidc.client?.clientId) await store.consume(source.key, by)
  }

  /**
   * Each of our authorization requests has a redirect URI, so a token request without one does not match (RFC 6749
   * section 5.2). The engine notices this only when it looks up the code.
   */
  function nameMissingRedirectUri(ctx: KoaContextWithOIDC): void {
    const { route, params } = ctx.oidc ?? {}
    if (route !== 'token' || ctx.status !== 400 || params?.grant_type !== 'authorization_code') return
    if (params.code === undefined || params.redirect_uri !== undefined) return
    Object.assign(ctx.body as object, { error: 'invalid_grant' })
  }

  /**
   * With the name of a public client an attacker could try tokens (RFC 7662 section 2.1). So the response is the same
   * for every token.
   */
  function refuseUnknownAskers(ctx: KoaContextWithOIDC): void {
    const { route, client } = ctx.oidc ?? {}
    if (route !== 'introspection' || client?.clientAuthMethod !== 'none') return
    noteRefusal(ctx, new errors.InvalidClient(UNKNOWN_ASKER))
    ctx.status = 401
    ctx.type = 'json'
    ctx.body = { error: 'invalid_client', error_description: UNKNOWN_ASKER }
  }

  /** The engine calls its empty answer text, which programs refuse that expect JSON of every endpoint. */
  function emptyWithoutType(ctx: KoaContextWithOIDC): void {
    if (ctx.oidc?.route === 'revocation' && ctx.status === 200 && ctx.body === '') ctx.remove('Content-Type')
  }

  /** Every 401 has a challenge (RFC 9110 section 15.5.2). The engine sends it only to callers that used the header. */
  function challenge(ctx: KoaContextWithOIDC): void {
    ctx.set('WWW-Authenticate', `Basic realm="${issuer}"`)
  }

  /** Errors thrown outside of the engine's own handlers: saving the session after the answer was made. */
  function fail(ctx: KoaContextWithOIDC, error: unknown): void {
    const { status, ...fault } = told(error)
    const { errorId } = noteRefusal(ctx, error as Error)
    log.event('request_failed', { errorId, err: error, route: ctx.oidc?.route })
    ctx.status = status
    ctx.response.remove('Location')
    ctx.set('Cache-Control', 'no-store')
    if (ctx.accepts('json', 'html') === 'html') pages.error(ctx, { ...fault, errorId })
    else ctx.body = { error: fault.error, error_description: fault.description }
  }

  function sayWhenToRetry(ctx: KoaContextWithOIDC): void {
    if ((ctx.status !== 503 && ctx.status !== 429) || ctx.res.hasHeader('Retry-After')) return
    const { fault } = scopeOf(ctx)
    ctx.set('Retry-After', String((fault && retryAfterOf(fault)) ?? 2))
  }

  /**
   * The engine echoes any origin until it knows the client: in preflights, and in errors before authentication. An
   * origin that no client registered learns nothing.
   */
  async function withholdFromStrangers(ctx: KoaContextWithOIDC): Promise<void> {
    const allowed = ctx.res.getHeader('Access-Control-Allow-Origin')
    if (allowed === undefined || allowed === '*') return
    // While the store is away, origins cannot be checked.
    if (!(await webOrigins.isRegistered(String(allowed)).catch(() => false))) {
      for (const name of ctx.res.getHeaderNames()) {
        if (name.startsWith('access-control-')) ctx.remove(name)
      }
    }
  }
}

/** A store or a signer that does not answer, by name; of all else a client learns that it failed. */
function told(error: unknown): { status: number; error: string; description: string | undefined; cause: Error } {
  const cause = (error instanceof Fault ? asEngineError(error) : error) as Error
  if (cause instanceof errors.OIDCProviderError && (cause.status === 503 || cause.status === 429)) {
    return { status: cause.status, error: cause.error, description: cause.error_description, cause }
  }
  return { status: 500, error: 'server_error', description: 'Something went wrong on our side.', cause }
}
