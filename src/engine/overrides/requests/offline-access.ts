/** `offline_access` is asked for like every other scope. */

import type { KoaContextWithOIDC, Provider } from 'oidc-provider'

import type { Override } from '../override.ts'

export const offlineAccess: Override = {
  members: ['OIDCContext#prompts', 'OIDCContext#promptPending'],
  without: 'refuse',
  apply: keepOfflineAccess,
}

type EngineContext = KoaContextWithOIDC['oidc']
type PromptPending = (this: EngineContext, name: string) => boolean

/**
 * The engine drops `offline_access` from a request without `prompt=consent` and does not report it. The client then
 * gets a refresh token and is refused when it repeats the scope at its first refresh. OpenID Connect Core section 11
 * allows other conditions instead of the prompt. Here the consent page names offline access, and no grant has it before
 * the person agreed. So the check of the scopes sees a prompt for consent, and the real prompt stays the client's
 * choice. Libraries that always ask for `offline_access` go on with clients that are not registered for it: the engine
 * drops it there, as before.
 */
function keepOfflineAccess(provider: Provider): void {
  const { prototype } = provider.OIDCContext as { prototype: object }
  const named = Reflect.getOwnPropertyDescriptor(prototype, 'prompts')?.get as (this: EngineContext) => Set<string>
  const pending = Reflect.get(prototype, 'promptPending') as PromptPending

  Object.defineProperty(prototype, 'prompts', {
    configurable: true,
    get(this: EngineContext) {
      const isKept = isOffline(this.params?.scope) && isOffline(this.client?.scope)
      return isKept ? new PromptsWithConsent(named.call(this)) : named.call(this)
    },
  })
  Reflect.set(prototype, 'promptPending', function promptPending(this: EngineContext, name: string) {
    return named.call(this).has(name) && pending.call(this, name)
  } satisfies PromptPending)
}

function isOffline(scope: unknown): boolean {
  return typeof scope === 'string' && scope.split(' ').includes('offline_access')
}

class PromptsWithConsent extends Set<string> {
  override has(name: string): boolean {
    return name === 'consent' || super.has(name)
  }
}
