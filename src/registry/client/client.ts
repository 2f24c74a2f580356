/** A client in the form of the server, from any declaration. */

export type ClientAuthMethod = 'none' | 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt'
export type GrantType = 'authorization_code' | 'refresh_token' | 'client_credentials'

export interface ClientSettings {
  readonly clientId: string
  readonly clientName: string
  readonly applicationType: 'web' | 'native'
  readonly authMethod: ClientAuthMethod
  /** Unset: a secret may come in the header and in the body, whatever `authMethod` says. */
  readonly acceptedAuthMethods?: readonly ClientAuthMethod[]
  /** base64url SHA-256 of the secret; the secret itself is not kept. */
  readonly secretHash: string | undefined
  /** The secret that `secretHash` replaces: it is valid as well, until it ends or is removed. */
  readonly oldSecretHash?: string
  /** Epoch seconds at which the old secret ends; without it the old secret stays until it is removed. */
  readonly oldSecretEndsAt?: number
  /** A secret that cannot hold 256 bits is never right, whatever its hash: set where only the hash was configured. */
  readonly strongSecretOnly?: true
  readonly jwks: { readonly keys: readonly Record<string, unknown>[] } | undefined
  readonly jwksUri: string | undefined
  readonly grantTypes: readonly GrantType[]
  readonly redirectUris: readonly string[]
  readonly postLogoutRedirectUris: readonly string[]
  /** OpenID scopes it may ask for: openid, profile, email, offline_access. */
  readonly scopes: readonly string[]
  /** The APIs it may call, each with the scopes it may ask for. */
  readonly apis: Readonly<Record<string, readonly string[]>>
  /** Ours: no consent page. */
  readonly firstParty: boolean
  /** A confidential client too old for PKCE (RFC 9700 section 2.1.1 asks it of all others). */
  readonly legacyWithoutPkce: boolean
  /** `auto`: rotate for public clients that are not sender-constrained. */
  readonly refreshRotation: 'auto' | 'always' | 'never'
  /** For this long after a rotation the same client gets the same successor again; 0: never, unset: by who can prove it. */
  readonly refreshIdempotentSeconds: number | undefined
  readonly logoUri: string | undefined
  /** `pairwise`: each sector sees another subject for the same person (OpenID Connect Core section 8). */
  readonly subjectType: 'public' | 'pairwise'
  /** The client is known and gets nothing: no token, no sign-in. */
  readonly disabled?: true
}
