/**
 * The tokens for a code or a refresh token: an access token and, when the person signed in with `openid`, an ID token.
 *
 * The same for both, as the engine's two handlers make them (lib/actions/grants/) for a request without special
 * parameters.
 */

import type { AuthorizationCode, Client, Grant, Provider, RefreshToken } from 'oidc-provider'

import type { Account, Accounts } from '../../accounts/accounts.ts'
import type { ClientSettings } from '../../config/config.ts'
import { claimsForIdToken } from '../configuration/end-users.ts'
import { type Target, type Targets, withOpenIdScopes } from '../configuration/resource-indicators.ts'
import { answering } from '../request/errors.ts'
import { requestScope } from '../request/scope.ts'
import { isLeftToEngine } from './known-properties.ts'
import { findLiveGrant } from './live-grant.ts'

export interface GrantingParts {
  readonly accounts: Pick<Accounts, 'findSignedIn'>
  readonly targets: Targets
}

export type GrantToken = AuthorizationCode | RefreshToken

/** A code or refresh token with what it stands on, all of it alive and the client's own. */
export interface Found<Token extends GrantToken> {
  readonly token: Token
  readonly client: Client
  readonly settings: ClientSettings
  readonly account: Account
  readonly grant: Grant
  /** The API that the access token is for; without one it opens userinfo alone. */
  readonly target: Target | undefined
}

export interface Granting {
  /** `undefined` where anything is missing, or was asked for that is left to the engine. */
  lookUp<Token extends GrantToken>(token: Token | undefined, client: ClientSettings): Promise<Found<Token> | undefined>
  /** The answer's fields, in the engine's order. `gty` is the way that led here, in the engine's words. */
  issue(found: Found<GrantToken>, also: { gty: string; refreshToken: string | undefined }): Promise<object>
}

type EngineIdToken = new (
  available: object,
  about: { client: Client },
) => {
  scope: string
  rejected: readonly string[]
  set(claim: string, value: unknown): void
  issue(options: { use: 'idtoken' }): Promise<string>
}

export function createGranting(provider: Provider, { accounts, targets }: GrantingParts): Granting {
  const IdToken = provider.IdToken as unknown as EngineIdToken

  return {
    async lookUp(token, settings) {
      if (!token?.isValid || token.clientId !== settings.clientId || isLeftToEngine(token)) return undefined
      if (requestScope().source?.needsProof === true) return undefined
      const [client, account, grant] = await Promise.all([
        provider.Client.find(settings.clientId),
        answering(() => accounts.findSignedIn(token.accountId ?? '', token.authTime ?? token.iat)),
        findLiveGrant(provider, token),
      ])
      if (client === undefined || account === undefined || grant === undefined) return undefined
      const asked = [token.resource ?? []].flat()
      const target = targetOf(asked, { token, grant, settings })
      return asked.length > 0 && target === undefined ? undefined : { token, client, settings, account, grant, target }
    },

    async issue(found, { gty, refreshToken }) {
      const accessToken = newAccessToken(found, gty)
      const value = await accessToken.save()
      return {
        access_token: value,
        expires_in: accessToken.expiration,
        id_token: found.token.scopes.has('openid') ? await newIdToken(found) : undefined,
        refresh_token: refreshToken,
        scope: accessToken.scope,
        token_type: accessToken.tokenType,
      }
    },
  }

  /** The API of the token: one of the requested ones, of which something was granted. */
  function targetOf(
    asked: readonly string[],
    { token, grant, settings }: { token: GrantToken; grant: Grant; settings: ClientSettings },
  ): Target | undefined {
    const granted = asked.filter((audience) => grant.getResourceScopeFiltered(audience, [...token.scopes]) !== '')
    const api = targets.preferred(granted)
    const target = api === undefined ? undefined : targets.find(settings, api)
    return target && scopeFor(target, token.scopes, grant) !== '' ? target : undefined
  }

  function newAccessToken({ token, client, grant, target }: Found<GrantToken>, gty: string) {
    const { accountId, expiresWithSession, grantId, sessionUid, sid, scopes } = token
    const about = { accountId, client, expiresWithSession, grantId, gty, sessionUid, sid }
    const accessToken = new provider.AccessToken(about as never)
    if (target !== undefined) accessToken.resourceServer = new provider.ResourceServer(target.audience, target)
    const granted = scopeFor(target, scopes, grant)
    const scope = target?.opensUserinfo === false ? granted : withOpenIdScopes(granted, grant, token.scope)
    if (scope !== undefined) accessToken.scope = scope
    return accessToken
  }

  /** What was asked for by claims, the engine answers; session and access token are named as in its own. */
  function newIdToken({ token, client, settings, account, grant }: Found<GrantToken>): Promise<string> {
    const claims = claimsForIdToken(account, settings)
    const idToken = new IdToken({ ...claims, sub: account.id, auth_time: token.authTime }, { client })
    idToken.scope = grant.getOIDCScopeFiltered(token.scopes)
    idToken.rejected = grant.getRejectedOIDCClaims()
    idToken.set('nonce', token.nonce)
    return idToken.issue({ use: 'idtoken' })
  }
}

function scopeFor(target: Target | undefined, scopes: ReadonlySet<string>, grant: Grant): string {
  if (target === undefined) return ''
  const offered = target.scope.split(' ').filter((scope) => scopes.has(scope))
  return grant.getResourceScopeFiltered(target.audience, offered)
}
