/** How an API is spelled that a request names. */

import type { KoaContextWithOIDC, Provider } from 'oidc-provider'

import type { Apis } from '../../../apis/apis.ts'
import type { Override } from '../override.ts'

export const resourceSpelling: Override<{ readonly apis: Pick<Apis, 'findApi'> }> = {
  members: [],
  adds: ['OIDCContext#params'],
  without: 'refuse',
  apply: spellAsRegistered,
}

const PARAMS = Symbol('the parameters of a request')

type Params = NonNullable<KoaContextWithOIDC['oidc']['params']>
type EngineContext = KoaContextWithOIDC['oidc'] & { [PARAMS]?: Params }

/**
 * `https://api.example` and `https://api.example/` are one address (RFC 3986 section 6.2.3), and libraries that build an
 * address out of a URL object always write the second. An API is named by what its operator registered.
 */
function spellAsRegistered(provider: Provider, { apis }: { readonly apis: Pick<Apis, 'findApi'> }): void {
  const { prototype } = provider.OIDCContext as { prototype: object }
  const before = Reflect.getOwnPropertyDescriptor(prototype, 'params')
  Object.defineProperty(prototype, 'params', {
    configurable: true,
    get(this: EngineContext) {
      return before?.get === undefined ? this[PARAMS] : (before.get.call(this) as Params)
    },
    set(this: EngineContext, params: Params) {
      const { resource } = params as { resource?: unknown }
      if (typeof resource === 'string') params.resource = spelled(resource)
      else if (Array.isArray(resource))
        params.resource = resource.map((one) => (typeof one === 'string' ? spelled(one) : one))
      if (before?.set === undefined) this[PARAMS] = params
      else before.set.call(this, params)
    },
  })

  function spelled(resource: string): string {
    if (apis.findApi(resource) !== undefined || !/^[a-z][a-z0-9+.-]*:\/\/[^/?#]+\/?$/i.test(resource)) return resource
    const other = resource.endsWith('/') ? resource.slice(0, -1) : `${resource}/`
    return apis.findApi(other) === undefined ? resource : other
  }
}
