/** Access tokens that are JWTs are made and signed by access-tokens/issue-jwt.ts, all others by the engine. */

import type { Provider } from 'oidc-provider'

import { type EngineToken, type IssueParts, issueJwt } from '../../access-tokens/issue-jwt.ts'
import type { Override } from '../override.ts'

export const jwtAccessTokens: Override<IssueParts> = {
  members: ['AccessToken#getValueAndPayload', 'ClientCredentials#getValueAndPayload'],
  without: 'refuse',
  apply: makeJwtAccessTokens,
}

function makeJwtAccessTokens(provider: Provider, parts: IssueParts): void {
  for (const model of [provider.AccessToken, provider.ClientCredentials]) {
    const { prototype } = model as { prototype: object }
    const engines = Reflect.get(prototype, 'getValueAndPayload') as () => Promise<object>
    async function getValueAndPayload(this: EngineToken): Promise<object> {
      return this.format === 'jwt' ? { value: await issueJwt(this, parts) } : engines.call(this)
    }
    Reflect.set(prototype, 'getValueAndPayload', getValueAndPayload)
  }
}
