/** The grant of a token, where it is alive and the token's own, as the engine asks for it. */

import type { Grant, Provider } from 'oidc-provider'

interface GrantedToken {
  readonly grantId?: string | undefined
  readonly clientId?: string | undefined
  readonly accountId?: string | undefined
}

export async function findLiveGrant(provider: Provider, token: GrantedToken): Promise<Grant | undefined> {
  const grant = await provider.Grant.find(token.grantId ?? '', { ignoreExpiration: true })
  const isOwn = grant?.clientId === token.clientId && grant?.accountId === token.accountId
  return grant === undefined || grant.isExpired || !isOwn ? undefined : grant
}
