/** Userinfo (OpenID Connect Core section 5.3) for a bearer token of a person that holds the scope `openid`. */

import type { AccessToken, Client, Provider } from 'oidc-provider'

import type { Accounts } from '../../accounts/accounts.ts'
import type { Clients } from '../../clients/clients.ts'
import type { AccessTokens } from '../access-tokens/access-tokens.ts'
import { answering } from '../request/errors.ts'
import { ENGINE_PATHS } from '../paths.ts'
import { findLiveGrant } from './live-grant.ts'
import { isAllowedOrigin } from './plain-form.ts'
import type { FastPath } from './fast-path.ts'

interface Parts {
  readonly clients: Clients
  readonly accounts: Pick<Accounts, 'findSignedIn'>
  readonly accessTokens: Pick<AccessTokens, 'opensUserinfo'>
}

const BEARER = /^Bearer ([\w.~+/-]+=*)$/i

type EngineClaims = new (
  available: object,
  about: { client: Client },
) => { scope(scope: string): unknown; rejected(claims: readonly string[]): unknown; result(): Promise<object> }

export function userinfo(provider: Provider, { clients, accounts, accessTokens }: Parts): FastPath {
  const Claims = Reflect.get(provider, 'Claims') as EngineClaims

  return {
    path: ENGINE_PATHS.userinfo,
    method: 'GET',
    exposedHeaders: 'DPoP-Nonce,WWW-Authenticate',
    takesOrigins: true,

    async answerTo({ headers }) {
      const value = BEARER.exec(headers.authorization ?? '')?.[1]
      const token = value === undefined ? undefined : await provider.AccessToken.find(value)
      const client = clients.heldClient(token?.clientId ?? '')
      if (token === undefined || client === undefined || !isAllowedOrigin(client, headers.origin)) return undefined
      return opens(token) && accessTokens.opensUserinfo(token.aud) ? claimsOf(token) : undefined
    },
  }

  async function claimsOf(token: AccessToken): Promise<object | undefined> {
    const { accountId, iat, scope = '' } = token
    const [client, account, grant] = await Promise.all([
      provider.Client.find(token.clientId ?? ''),
      answering(() => accounts.findSignedIn(accountId, iat)),
      findLiveGrant(provider, token),
    ])
    if (client === undefined || account === undefined || grant === undefined) return undefined
    if (client.userinfoSignedResponseAlg !== undefined) return undefined
    const claims = new Claims({ ...account.claims, sub: account.id }, { client })
    claims.scope(grant.getOIDCScopeFiltered(new Set(scope.split(' '))))
    claims.rejected(grant.getRejectedOIDCClaims())
    return claims.result()
  }
}

/** A request without a proof, for the claims of its scopes only. */
function opens(token: AccessToken): boolean {
  return !token.isSenderConstrained() && token.claims === undefined && token.scopes.has('openid')
}
