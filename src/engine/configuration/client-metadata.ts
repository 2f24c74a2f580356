/** Our clients in the engine's words. */

import type { ClientMetadata } from 'oidc-provider'

import type { ClientSettings } from '../../config/config.ts'

/** Client metadata as OpenID Connect Dynamic Client Registration section 2 names it. */
export function clientMetadata(client: ClientSettings): ClientMetadata {
  return {
    client_id: client.clientId,
    client_name: client.clientName,
    application_type: client.applicationType,
    token_endpoint_auth_method: client.authMethod,
    grant_types: [...client.grantTypes],
    response_types: client.grantTypes.includes('authorization_code') ? ['code'] : [],
    redirect_uris: [...client.redirectUris],
    post_logout_redirect_uris: [...client.postLogoutRedirectUris],
    // Only OpenID scopes may stand here; what a client may ask of an API is decided where the API is resolved.
    ...(client.scopes.length > 0 ? { scope: client.scopes.join(' ') } : {}),
    // The engine wants a secret for these methods; it gets the hash, and overrides/clients/client-secrets.ts compares with that.
    ...(client.secretHash === undefined ? {} : { client_secret: client.secretHash }),
    ...(client.jwks === undefined ? {} : { jwks: client.jwks as ClientMetadata['jwks'] }),
    ...(client.jwksUri === undefined ? {} : { jwks_uri: client.jwksUri }),
    ...(client.idTokenAlgorithm === undefined ? {} : { id_token_signed_response_alg: client.idTokenAlgorithm }),
    ...(client.pushedRequestsOnly === true ? { require_pushed_authorization_requests: true } : {}),
    ...(client.dpopBound === true ? { dpop_bound_access_tokens: true } : {}),
    subject_type: client.subjectType,
    ...(client.logoUri === undefined ? {} : { logo_uri: client.logoUri }),
  }
}
