/** Remembers the access tokens that this node issues: JWTs for when they are presented, each for its ID token. */

import type { Provider } from 'oidc-provider'

import type { AccessTokens } from '../../access-tokens/access-tokens.ts'
import { requestScope } from '../../request/scope.ts'
import { defineMethod, type Override } from '../override.ts'

export interface OwnTokenParts {
  readonly accessTokens: Pick<AccessTokens, 'rememberOwn'>
}

interface EngineToken {
  readonly format?: string
}

export const ownTokens: Override<OwnTokenParts> = {
  members: ['AccessToken#save'],
  without: 'refuse',
  apply: rememberOwnTokens,
}

/** A person's JWT is most often presented to the node that signed it, at userinfo, so that node need not verify it. */
function rememberOwnTokens(provider: Provider, { accessTokens }: OwnTokenParts): void {
  const save = Reflect.get(provider.AccessToken.prototype, 'save') as () => Promise<string>
  defineMethod(provider.AccessToken, 'save', async function remember(this: EngineToken) {
    const made = await save.call(this)
    if (this.format === 'jwt') accessTokens.rememberOwn(made)
    requestScope().accessToken = made
    return made
  })
}
