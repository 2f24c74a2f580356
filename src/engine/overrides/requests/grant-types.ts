/** The error for a grant type that the client may not use. */

import { errors, Provider } from 'oidc-provider'

import type { Override } from '../override.ts'

export const grantTypes: Override = {
  members: ['Client#grantTypeAllowed'],
  without: 'refuse',
  apply: nameRefusedGrants,
}

/** The engine calls a grant type that this client may not use an invalid request; RFC 6749 section 5.2 has a name for it. */
function nameRefusedGrants(provider: Provider): void {
  const own = Reflect.get(provider.Client.prototype, 'grantTypeAllowed') as (type: string) => boolean
  provider.Client.prototype.grantTypeAllowed = function allows(type) {
    const isAllowed = own.call(this, type)
    const { route, params } = Provider.ctx?.oidc ?? {}
    if (!isAllowed && route === 'token' && params?.grant_type === type) throw new errors.UnauthorizedClient()
    return isAllowed
  }
}
