/** The engine's events, as audit records and log lines. Listeners run inside the request: they must not wait or throw. */

import type { EventEmitter } from 'node:events'
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'

import type { Audit } from '../audit/audit.ts'
import type { Log } from '../audit/log.ts'

// The endpoints at which clients authenticate.
const CLIENT_ERRORS = ['grant', 'introspection', 'revocation', 'pushed_authorization_request'] as const

export function recordEvents(provider: Provider, { audit, log }: { audit: Audit; log: Log }): void {
  for (const event of CLIENT_ERRORS) {
    provider.on(`${event}.error` as 'grant.error', (ctx: KoaContextWithOIDC, error: errors.OIDCProviderError) => {
      if (error instanceof errors.InvalidClientAuth) {
        // The id as it was sent: it tells which client is under attack, and it may belong to none.
        const clientId = ctx.oidc.client?.clientId ?? (ctx.oidc.params?.client_id as string | undefined)
        audit.record('client.authentication_failed', { clientId, address: ctx.ip, reason: error.error_detail })
      }
      log.debug({ route: ctx.oidc.route, error: error.message, detail: error.error_detail }, 'a request was refused')
    })
  }
  // Connections that break off; without a listener Koa prints them.
  const connections: EventEmitter = provider
  connections.on('error', (error: Error) => log.debug({ err: error }, 'a response could not be sent'))
  provider.on('server_error', (ctx: KoaContextWithOIDC, error: Error) => {
    log.error({ err: error, route: ctx.oidc?.route }, 'a request failed')
  })
}
