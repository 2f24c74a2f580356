/** Tokens for machines (RFC 6749 section 4.4): a client that is known by its secret, one API, and scopes that it has. */

import type { Provider } from 'oidc-provider'

import type { ClientSettings } from '../../config/config.ts'
import type { Target, Targets } from '../configuration/resource-indicators.ts'
import { authenticatedClient, type ClientParts, mustProve, type PlainForm, plainForm } from './plain-form.ts'
import { atTokenEndpoint, type FastPath } from './fast-path.ts'

const GRANT_TYPE = 'client_credentials'

interface Parts extends ClientParts {
  readonly targets: Targets
}

export function clientCredentials(provider: Provider, parts: Parts): FastPath {
  const { targets } = parts
  const { ClientCredentials, ResourceServer } = provider

  return {
    ...atTokenEndpoint(GRANT_TYPE),

    async answerTo({ headers }, body) {
      const form = plainForm(body, ['grant_type', 'scope', 'resource'])
      if (form?.grant_type !== GRANT_TYPE) return undefined
      const client = authenticatedClient(parts, headers, form)
      if (!client?.grantTypes.includes(GRANT_TYPE) || mustProve(client)) return undefined
      const wanted = wantedBy(client, form)
      return wanted && issue(client, wanted)
    },
  }

  function wantedBy(client: ClientSettings, { scope, resource }: PlainForm): Wanted | undefined {
    const target = targetOf(client, { scope, resource })
    if (target === undefined || target.scope === '') return undefined
    const scopes = new Set((scope ?? target.scope).split(' '))
    const offered = new Set(target.scope.split(' '))
    for (const each of scopes) if (!offered.has(each)) return undefined
    return { target, scope: [...scopes].join(' ') }
  }

  /** One API that the resource or the scopes name, or the usual one where nothing is named. */
  function targetOf(client: ClientSettings, { scope, resource }: PlainForm): Target | undefined {
    if (scope === undefined && client.defaultScopes !== undefined) return undefined
    if (scope === undefined) return resource === undefined ? targets.usual(client) : undefined
    const [api, ...others] = resource === undefined ? targets.apisFor(client, new Set(scope.split(' '))) : [resource]
    return api === undefined || others.length > 0 ? undefined : targets.find(client, api)
  }

  async function issue({ clientId }: ClientSettings, { target, scope }: Wanted): Promise<object> {
    const token = new ClientCredentials({ clientId, scope } as never)
    token.resourceServer = new ResourceServer(target.audience, target)
    const value = await token.save()
    return { access_token: value, expires_in: token.expiration, scope, token_type: token.tokenType }
  }
}

interface Wanted {
  readonly target: Target
  readonly scope: string
}
