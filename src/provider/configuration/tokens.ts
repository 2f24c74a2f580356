/** Lifetimes, what JWT access tokens carry, and when refresh tokens rotate. */

import type { AccessToken, ClientCredentials, Configuration, KoaContextWithOIDC, RefreshToken } from 'oidc-provider'

import { type Clock, epochSeconds } from '../../base/clock.ts'
import { hashHandle } from '../../base/sealing.ts'
import type { Clients } from '../../clients/clients.ts'
import type { ClientSettings, Lifetimes } from '../../config/config.ts'

// Where an opaque token for userinfo alone is issued, there is no API to say how long it lives.
const USERINFO_TOKEN_SECONDS = 600
const SID_LENGTH = 22

interface Parts {
  readonly clients: Clients
  readonly lifetimes: Lifetimes
  readonly clock: Clock
}

export function tokens({ clients, lifetimes, clock }: Parts): Partial<Configuration> {
  return {
    ttl: {
      AccessToken: accessTokenSeconds,
      ClientCredentials: accessTokenSeconds,
      AuthorizationCode: () => lifetimes.authorizationCodeSeconds,
      IdToken: () => lifetimes.idTokenSeconds,
      Interaction: () => lifetimes.interactionSeconds,
      Grant: () => lifetimes.consentSeconds,
      Session: (_ctx, session) => sessionTtl(session.loginTs, lifetimes, clock),
      RefreshToken: (_ctx, token) => refreshTokenTtl(token, lifetimes),
    },

    formats: {
      customizers: {
        jwt(ctx, token, jwt) {
          const payload = jwt.payload as Record<string, unknown>
          const scope = withOpenIdScopes(ctx, token)
          if (scope !== undefined) {
            payload.scope = scope
            token.scope = scope
          }
          // What a revocation may name beside the token itself: the grant, and the session it was given in.
          if ('grantId' in token) payload.gid = token.grantId
          if ('sessionUid' in token && token.sessionUid) payload.sid = sessionClaim(token.sessionUid)
        },
      },
    },

    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: (ctx) => rotates(clients.getClient(ctx.oidc.client?.clientId ?? ''), ctx),
  }

  function rotates(client: ClientSettings, ctx: KoaContextWithOIDC): boolean {
    if (client.refreshRotation !== 'auto') return client.refreshRotation === 'always'
    // RFC 9700 section 4.14.2: the refresh tokens of public clients are sender-constrained or rotated.
    return client.authMethod === 'none' && !ctx.oidc.entities.RefreshToken?.isSenderConstrained()
  }
}

function accessTokenSeconds(_ctx: KoaContextWithOIDC, token: AccessToken | ClientCredentials): number {
  const { resourceServer } = token as { resourceServer?: { accessTokenTTL?: number } }
  return resourceServer?.accessTokenTTL ?? USERINFO_TOKEN_SECONDS
}

/** Idle time slides with use; the end that was set at login does not. */
function sessionTtl(loginTs: number | undefined, lifetimes: Lifetimes, clock: Clock): number {
  if (loginTs === undefined) return lifetimes.sessionIdleSeconds
  const left = loginTs + lifetimes.sessionSeconds - epochSeconds(clock)
  return Math.max(1, Math.min(lifetimes.sessionIdleSeconds, left))
}

/** A successor gets new idle time, and never lives beyond what was set when the first of its line was issued. */
function refreshTokenTtl(token: RefreshToken, lifetimes: Lifetimes): number {
  const left = lifetimes.refreshTokenSeconds - token.totalLifetime()
  return Math.max(1, Math.min(lifetimes.refreshTokenIdleSeconds, left))
}

/**
 * The engine keeps OpenID scopes out of a token that is for an API. Ours carries them (as the example of RFC 9068
 * section 3 does), so that the one access token a client holds opens userinfo too, as far as it was granted.
 */
function withOpenIdScopes(ctx: KoaContextWithOIDC, token: AccessToken | ClientCredentials): string | undefined {
  if (token.kind !== 'AccessToken' || ctx.oidc.grant === undefined) return undefined
  const source = ctx.oidc.entities.RefreshToken ?? ctx.oidc.entities.AuthorizationCode
  const asked = ctx.oidc.params?.scope as string | undefined
  const wanted = new Set((asked ?? source?.scope ?? '').split(' '))
  const openId = ctx.oidc.grant.getOIDCScopeFiltered(wanted)
  return [...openId.split(' '), ...(token.scope ?? '').split(' ')].filter(Boolean).join(' ') || undefined
}

/** Names the browser session to APIs without telling its `uid`. */
export function sessionClaim(sessionUid: string): string {
  return hashHandle(sessionUid).slice(0, SID_LENGTH)
}
