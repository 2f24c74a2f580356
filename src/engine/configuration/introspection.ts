/**
 * Who may introspect a token and who may revoke it, whatever its format (JWTs: overrides/tokens/presented-token.ts).
 */

import type { Client, KoaContextWithOIDC } from 'oidc-provider'

import type { Apis } from '../../apis/apis.ts'
import { apiIn } from '../access-tokens/access-tokens.ts'

interface AnyToken {
  readonly kind?: string
  readonly clientId?: string | undefined
  readonly aud?: string | readonly string[] | undefined
  /** Further members of the answer. */
  extra?: object | undefined
}

export function mayIntrospect({ apis }: { apis: Pick<Apis, 'findApi'> }) {
  return async function allowedPolicy(_ctx: KoaContextWithOIDC, { clientId }: Client, token: AnyToken) {
    // A machine acts for itself (RFC 9068 section 2.2); of an opaque token the engine would name no subject.
    if (token.kind === 'ClientCredentials') token.extra ??= { sub: token.clientId }
    return mayKnow(apis, clientId, token)
  }
}

/**
 * The client that the token was issued to, and the clients that may introspect for its API. To any other client the
 * token is not active (RFC 7662 section 2.2, RFC 9701 section 5), also to a client that may call that API: a client
 * learns nothing about tokens of others.
 */
export function mayKnow(apis: Pick<Apis, 'findApi'>, clientId: string, token: AnyToken): boolean {
  if (token.clientId === clientId) return true
  // The audience may have the issuer as well as the API. A client that may introspect for the issuer may not do so for
  // the API.
  return token.aud !== undefined && apis.findApi(apiIn(token.aud))?.introspectedBy.includes(clientId) === true
}

/** Only the client that the token was issued to; to others it looks as if there were no token (RFC 7009 section 2.1). */
export async function mayRevoke(_ctx: KoaContextWithOIDC, client: Client, token: AnyToken): Promise<boolean> {
  return token.clientId === client.clientId
}
