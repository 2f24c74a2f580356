/**
 * Clients and APIs as grantor.yaml writes them: only what differs from the defaults, with secrets as references to what
 * the store holds of them. Reading an entry back gives the same settings.
 */

import { createHash } from 'node:crypto'

import { formatDuration } from '../base/duration.ts'
import type { ApiSettings } from './api/api.ts'
import type { ClientSettings } from './client/client.ts'
import { ACCESS_TOKEN } from './duration-setting.ts'

export type Entry = Readonly<Record<string, unknown>>

export function clientEntry(client: ClientSettings): Entry {
  const withCode = client.grantTypes.includes('authorization_code')
  return withoutDefaults(
    {
      client_id: client.clientId,
      client_name: client.clientName,
      application_type: client.applicationType,
      token_endpoint_auth_method: client.authMethod,
      accepted_auth_methods: client.acceptedAuthMethods,
      client_secret_sha256: secretHashes(client),
      jwks: client.jwks,
      jwks_uri: client.jwksUri,
      grant_types: client.grantTypes,
      redirect_uris: client.redirectUris,
      post_logout_redirect_uris: client.postLogoutRedirectUris,
      scopes: client.scopes,
      apis: client.apis,
      assertion_audience: client.assertionAudience,
      default_scopes: client.defaultScopes,
      response_modes: client.responseModes,
      id_token_signed_response_alg: client.idTokenAlgorithm,
      require_pushed_authorization_requests: client.pushedRequestsOnly,
      dpop_bound_access_tokens: client.dpopBound,
      id_token_claims: client.idTokenClaims,
      first_party: client.firstParty,
      legacy_without_pkce: client.legacyWithoutPkce,
      refresh: withoutDefaults(
        {
          rotation: client.refreshRotation,
          idempotent_window: client.refreshIdempotentSeconds && formatDuration(client.refreshIdempotentSeconds),
          ...(client.refreshIdempotentSeconds === 0 ? { idempotent_window: '0s' } : {}),
        },
        { rotation: 'auto' },
      ),
      subject_type: client.subjectType,
      disabled: client.disabled,
      client_uri: client.clientUri,
      initiate_login_uri: client.initiateLoginUri,
      logo_uri: client.logoUri,
    },
    {
      client_name: client.clientId,
      application_type: 'web',
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code'],
      redirect_uris: [],
      post_logout_redirect_uris: [],
      scopes: withCode ? ['openid'] : [],
      apis: {},
      first_party: false,
      legacy_without_pkce: false,
      refresh: {},
      subject_type: 'public',
      disabled: false,
    },
  )
}

export function apiEntry(api: ApiSettings): Entry {
  const isShared = api.algorithm === 'HS256'
  return withoutDefaults(
    {
      audience: api.audience,
      name: api.name,
      scopes: api.scopes,
      token: withoutDefaults(
        {
          format: api.tokenFormat,
          algorithm: api.algorithm,
          typ: api.tokenType,
          lifetime: formatDuration(api.accessTokenSeconds),
          secret_sha256: api.secretSha256 ?? (api.secret && secretSha256(api.secret)),
          userinfo: isShared ? undefined : api.opensUserinfo,
        },
        { format: 'jwt', algorithm: 'RS256', lifetime: ACCESS_TOKEN.default, userinfo: true },
      ),
      introspected_by: api.introspectedBy,
    },
    { name: api.audience, scopes: {}, token: {}, introspected_by: [] },
  )
}

/** A name for a secret that an API shares. The secret cannot be guessed from it, because it has 256 random bits. */
export function secretSha256(secret: Uint8Array): string {
  return createHash('sha256').update(secret).digest('base64url')
}

function secretHashes({ secretHash, oldSecretHash }: ClientSettings): string | string[] | undefined {
  return secretHash === undefined || oldSecretHash === undefined ? secretHash : [secretHash, oldSecretHash]
}

/** Without what is unset or as the defaults have it; mappings inside are sorted by name. */
function withoutDefaults(entry: Entry, defaults: Entry): Entry {
  const kept = Object.entries(entry).filter(
    ([name, value]) => value !== undefined && JSON.stringify(value) !== JSON.stringify(defaults[name]),
  )
  return Object.fromEntries(kept.map(([name, value]) => [name, sorted(value)]))
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value) || typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(members)
}
