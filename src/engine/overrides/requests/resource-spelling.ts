/** How an API is spelled that a request names. */

import type { Provider } from 'oidc-provider'

import type { Apis } from '../../../apis/apis.ts'
import { onParams, type Override } from '../override.ts'

export const resourceSpelling: Override<{ readonly apis: Pick<Apis, 'findApi'> }> = {
  members: [],
  adds: ['OIDCContext#params'],
  without: 'refuse',
  apply: spellAsRegistered,
}

/**
 * `https://api.example` and `https://api.example/` are one address (RFC 3986 section 6.2.3), and libraries that build an
 * address out of a URL object always write the second. An API is named by what its operator registered.
 */
function spellAsRegistered(provider: Provider, { apis }: { readonly apis: Pick<Apis, 'findApi'> }): void {
  onParams(provider, (_context, params) => {
    const { resource } = params as { resource?: unknown }
    if (typeof resource === 'string') params.resource = spelled(resource)
    else if (Array.isArray(resource))
      params.resource = resource.map((one) => (typeof one === 'string' ? spelled(one) : one))
  })

  function spelled(resource: string): string {
    if (apis.findApi(resource) !== undefined || !/^[a-z][a-z0-9+.-]*:\/\/[^/?#]+\/?$/i.test(resource)) return resource
    const other = resource.endsWith('/') ? resource.slice(0, -1) : `${resource}/`
    return apis.findApi(other) === undefined ? resource : other
  }
}
