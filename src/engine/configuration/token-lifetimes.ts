/** Lifetimes, and when refresh tokens rotate. */

import type { AccessToken, ClientCredentials, Configuration, KoaContextWithOIDC, RefreshToken } from 'oidc-provider'

import { type Clock, epochSeconds } from '../../base/clock.ts'
import type { ClientSettings, Lifetimes } from '../../config/config.ts'
import { settingsOf } from '../request/client-settings.ts'

// Where an opaque token for userinfo alone is issued, there is no API to say how long it lives.
const USERINFO_TOKEN_SECONDS = 600

interface Parts {
  readonly lifetimes: Lifetimes
  readonly clock: Clock
}

export function tokens({ lifetimes, clock }: Parts): Partial<Configuration> {
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

    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: ({ oidc }) =>
      rotates(settingsOf(oidc.client), oidc.entities.RefreshToken?.isSenderConstrained() === true),
  }
}

export function rotates({ refreshRotation, authMethod }: ClientSettings, isSenderConstrained: boolean): boolean {
  if (refreshRotation !== 'auto') return refreshRotation === 'always'
  // RFC 9700 section 4.14.2: the refresh tokens of public clients are sender-constrained or rotated.
  return authMethod === 'none' && !isSenderConstrained
}

/** A reply may be lost for as long as a connection takes to be given up. */
const PROVEN_WINDOW_SECONDS = 30
/** An attacker who stole a token of such a client could request its successor as well. */
const UNPROVEN_WINDOW_SECONDS = 5

/** For how long after a rotation the same client gets the same successor again. */
export function idempotentSeconds(client: ClientSettings, isSenderConstrained: boolean): number {
  const canProve = client.authMethod !== 'none' || isSenderConstrained
  return client.refreshIdempotentSeconds ?? (canProve ? PROVEN_WINDOW_SECONDS : UNPROVEN_WINDOW_SECONDS)
}

function accessTokenSeconds(_ctx: KoaContextWithOIDC, token: AccessToken | ClientCredentials): number {
  const { resourceServer } = token as { resourceServer?: { accessTokenTTL?: number } }
  return resourceServer?.accessTokenTTL ?? USERINFO_TOKEN_SECONDS
}

/** Idle time slides with use; the end that was set at login does not. */
function sessionTtl(loginTs: number | undefined, lifetimes: Lifetimes, clock: Clock): number {
  // No one is signed in: the session holds what a logout or a sign-in under way needs.
  if (loginTs === undefined) return Math.min(lifetimes.interactionSeconds, lifetimes.sessionIdleSeconds)
  const left = loginTs + lifetimes.sessionSeconds - epochSeconds(clock)
  return Math.max(1, Math.min(lifetimes.sessionIdleSeconds, left))
}

/** A successor gets new idle time, and never lives beyond what was set when the first of its line was issued. */
function refreshTokenTtl(token: RefreshToken, lifetimes: Lifetimes): number {
  const left = lifetimes.refreshTokenSeconds - token.totalLifetime()
  return Math.max(1, Math.min(lifetimes.refreshTokenIdleSeconds, left))
}
