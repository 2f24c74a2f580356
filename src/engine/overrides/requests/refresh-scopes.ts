/** Which scopes a refresh asks for. */

import type { KoaContextWithOIDC, Provider } from 'oidc-provider'

import type { ClientSettings } from '../../../registry/client/client.ts'
import { settingsOf } from '../../request/client-settings.ts'
import type { Override } from '../override.ts'

export const refreshScopes: Override = {
  members: ['OIDCContext#requestParamScopes'],
  without: 'refuse',
  apply: ignoreWhatWasIgnored,
}

type EngineContext = KoaContextWithOIDC['oidc']
type Scopes = (this: EngineContext) => Set<string>

/**
 * Many clients repeat their configured scopes at each refresh. Scopes that an authorization request ignores, because
 * the client is not registered for them, are ignored here as well. So is `offline_access`, which no access token needs.
 * Any other scope that was not granted is refused (RFC 6749 section 6). Nothing is added.
 */
function ignoreWhatWasIgnored(provider: Provider): void {
  const { prototype } = provider.OIDCContext as { prototype: object }
  const engines = Reflect.getOwnPropertyDescriptor(prototype, 'requestParamScopes')?.get as Scopes
  Object.defineProperty(prototype, 'requestParamScopes', {
    configurable: true,
    get(this: EngineContext) {
      const asked = engines.call(this)
      if (this.route !== 'token' || this.params?.grant_type !== 'refresh_token') return asked
      const settings = settingsOf(this.client)
      const kept = [...asked].filter((scope) => isRegistered(settings, scope))
      return kept.length === 0 ? asked : new Set(kept)
    },
  })
}

function isRegistered({ scopes, apis }: ClientSettings, scope: string): boolean {
  if (scope === 'offline_access') return false
  return scopes.includes(scope) || Object.values(apis).some((allowed) => allowed.includes(scope))
}
