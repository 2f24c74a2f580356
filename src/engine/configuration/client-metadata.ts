/** Our clients in the engine's words, how their secrets are compared, and what they may not ask for. */

import { type ClientMetadata, errors, Provider } from 'oidc-provider'

import type { Clients } from '../../clients/clients.ts'
import { isTooWeak, secretMatches } from '../../clients/secrets.ts'
import type { ClientSettings } from '../../config/config.ts'
import type { ClientFailures } from '../request/client-failures.ts'

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
    // The engine wants a secret for these methods; it gets the hash, and `compareSecretsByHash` compares with that.
    ...(client.secretHash === undefined ? {} : { client_secret: client.secretHash }),
    ...(client.jwks === undefined ? {} : { jwks: client.jwks as ClientMetadata['jwks'] }),
    ...(client.jwksUri === undefined ? {} : { jwks_uri: client.jwksUri }),
    subject_type: client.subjectType,
    ...(client.logoUri === undefined ? {} : { logo_uri: client.logoUri }),
  }
}

/**
 * Secrets are kept as hashes, so the engine's comparison in clear is replaced. The engine also takes a secret from the
 * header for one from the body; a client that registered one way is not served the other (RFC 6749 section 2.3.1).
 *
 * Whether there were too many failures is asked, the secret compared and a failure counted without a pause: of many that
 * arrive together no more are compared than of those that come one by one.
 */
export function compareSecretsByHash(provider: Provider, { clients, clientFailures }: SecretParts): void {
  provider.Client.prototype.compareClientSecret = function compareClientSecret(actual: string) {
    const address = Provider.ctx?.ip ?? ''
    if (clientFailures.secondsToWait(this.clientId, address) !== undefined) return false
    const matches = secretMatches(this.clientSecret ?? '', actual)
    if (matches && isTooWeak(clients.findClient(this.clientId), actual)) throw new errors.InvalidClientAuth(WEAK)
    const isRight = matches && this.tokenEndpointAuthMethod === methodUsed()
    if (!isRight) clientFailures.count(this.clientId, address)
    return isRight
  }
}

export interface SecretParts {
  readonly clients: Clients
  readonly clientFailures: ClientFailures
}

// For the audit trail; the client learns only that it failed.
const WEAK = 'the secret is too weak for production; make one with `grantor clients secret`'

/** The engine calls a grant type that this client may not use an invalid request; RFC 6749 section 5.2 has a name for it. */
export function nameRefusedGrants(provider: Provider): void {
  const own = Reflect.get(provider.Client.prototype, 'grantTypeAllowed') as (type: string) => boolean
  provider.Client.prototype.grantTypeAllowed = function allows(type) {
    const isAllowed = own.call(this, type)
    const { route, params } = Provider.ctx?.oidc ?? {}
    if (!isAllowed && route === 'token' && params?.grant_type === type) throw new errors.UnauthorizedClient()
    return isAllowed
  }
}

function methodUsed(): ClientSettings['authMethod'] {
  const inHeader = Provider.ctx?.headers.authorization !== undefined
  return inHeader ? 'client_secret_basic' : 'client_secret_post'
}
