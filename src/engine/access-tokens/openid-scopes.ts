/** The OpenID scopes that an access token for an API carries as well. */

import type { Grant } from 'oidc-provider'

/**
 * The engine keeps OpenID scopes out of a token that is for an API. Ours carry them where the API allows it (as the example
 * of RFC 9068 section 3 does), so that the one access token a client holds opens userinfo too, as far as it was granted.
 */
export function withOpenIdScopes(scope: string | undefined, grant: Grant, asked: unknown): string | undefined {
  const openId = grant.getOIDCScopeFiltered(new Set(typeof asked === 'string' ? asked.split(' ') : []))
  const all = new Set([...openId.split(' '), ...(scope ?? '').split(' ')].filter(Boolean))
  return all.size === 0 ? undefined : [...all].join(' ')
}
