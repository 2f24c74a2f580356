/** Who may ask about a token, and who may revoke it, whatever it looks like (JWTs: structured-tokens.ts). */

import type { Client, KoaContextWithOIDC } from 'oidc-provider'

import type { Clients } from '../../clients/clients.ts'

interface AnyToken {
  readonly clientId?: string | undefined
  readonly aud?: string | readonly string[] | undefined
}

/**
 * The client that the token was issued to, and confidential clients that may call the API it is for (an API asks about
 * the tokens it is sent with credentials of its own). To everybody else the token is not active (RFC 7662 section 4).
 */
export function mayIntrospect({ clients }: { clients: Clients }) {
  return async function allowedPolicy(_ctx: KoaContextWithOIDC, client: Client, token: AnyToken): Promise<boolean> {
    if (token.clientId === client.clientId) return true
    if (client.tokenEndpointAuthMethod === 'none') return false
    const audiences = [token.aud ?? []].flat()
    const apis = clients.getClient(client.clientId).apis
    return audiences.some((audience) => Object.hasOwn(apis, audience))
  }
}

/** Only the client that the token was issued to; to others it looks as if there were no token (RFC 7009 section 2.1). */
export async function mayRevoke(_ctx: KoaContextWithOIDC, client: Client, token: AnyToken): Promise<boolean> {
  return token.clientId === client.clientId
}
