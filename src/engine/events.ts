/** The engine's events, as audit records and log lines. Listeners run inside the request: they must not wait or throw. */

import type { EventEmitter } from 'node:events'
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'

import type { Log } from '../audit/log.ts'
import type { ClientFailures } from './request/client-failures.ts'
import { noteRefusal } from './request/refusals.ts'

// The engine's words for a wrong secret.
const WRONG_SECRET = 'invalid secret provided'

const REFUSING = [
  ...['authorization', 'grant', 'introspection', 'revocation', 'pushed_authorization_request'],
  ...['userinfo', 'end_session'],
] as const

export interface EventParts {
  readonly clientFailures: ClientFailures
  readonly log: Log
}

export function recordEvents(provider: Provider, { clientFailures, log }: EventParts): void {
  for (const event of REFUSING) {
    provider.on(`${event}.error` as 'grant.error', (ctx: KoaContextWithOIDC, error: errors.OIDCProviderError) => {
      if (error instanceof errors.InvalidClientAuth) noteFailure(ctx, error, clientFailures)
      noteRefusal(ctx, error)
    })
  }
  // Connections that break off; without a listener Koa prints them.
  const connections: EventEmitter = provider
  connections.on('error', (error: Error) => log.event('response_not_sent', { err: error }))
  provider.on('server_error', (ctx: KoaContextWithOIDC, error: Error) => {
    const { errorId } = noteRefusal(ctx, error)
    log.event('request_failed', { errorId, err: error, route: ctx.oidc?.route })
  })
}

/**
 * A client that failed too often from this address is told when to try again, whether or not this attempt was correct.
 */
function noteFailure(ctx: KoaContextWithOIDC, error: errors.InvalidClientAuth, clientFailures: ClientFailures): void {
  const clientId = ctx.oidc.client?.clientId
  const claimedId = ctx.oidc.params?.client_id as string | undefined
  // A wrong secret was counted when it was compared (configuration/clients.ts).
  if (error.error_detail !== WRONG_SECRET) clientFailures.count(clientId, ctx.ip)
  clientFailures.record({ clientId, claimedId, address: ctx.ip, reason: error.error_detail })
  const seconds = clientFailures.secondsToWait(clientId, ctx.ip)
  if (seconds === undefined) return
  ctx.status = 429
  ctx.set('Retry-After', String(seconds))
  ctx.remove('WWW-Authenticate')
  if (typeof ctx.body === 'object') ctx.body = { error: 'temporarily_unavailable', error_description: TOO_MANY }
}

const TOO_MANY = 'too many failed attempts to authenticate from this address; see Retry-After'
