/** A client in the form of the server, from any declaration. */

export type ClientAuthMethod = 'none' | 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt'
/** Every ring has a key for each of these. */
export const ID_TOKEN_ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const
export type IdTokenAlgorithm = (typeof ID_TOKEN_ALGORITHMS)[number]

export const RESPONSE_MODES = ['query', 'form_post', 'fragment'] as const
export type ResponseMode = (typeof RESPONSE_MODES)[number]

export type GrantType = 'authorization_code' | 'refresh_token' | 'client_credentials'

export interface ClientSettings {
  readonly clientId: string
  readonly clientName: string
  readonly applicationType: 'web' | 'native'
  readonly authMethod: ClientAuthMethod
  /** Unset: a secret may come in the header and in the body, whatever `authMethod` says. */
  readonly acceptedAuthMethods?: readonly ClientAuthMethod[]
  /** Its assertions may name the token endpoint in place of the issuer. */
  readonly assertionAudience?: 'token_endpoint'
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
  /** What it gets where a request names no scope; unset: all scopes that it has at one API. */
  readonly defaultScopes?: readonly string[]
  /** How an authorization response may come to it; query and form_post unless set. */
  readonly responseModes?: readonly ResponseMode[]
  /** What signs its ID tokens; RS256 unless set. */
  readonly idTokenAlgorithm?: IdTokenAlgorithm
  /** It pushes its authorization requests (RFC 9126); others are refused. */
  readonly pushedRequestsOnly?: true
  /** It gets no token without a DPoP proof (RFC 9449). */
  readonly dpopBound?: true
  /** The scopes whose claims its ID tokens hold as well, as far as they were granted. */
  readonly idTokenClaims?: readonly ('profile' | 'email')[]
  /** Its page for people, which an error page leads back to. */
  readonly clientUri?: string
  /** Where it begins a sign-in of its own (OpenID Connect Core section 4). */
  readonly initiateLoginUri?: string
  /** `pairwise`: each sector sees another subject for the same person (OpenID Connect Core section 8). */
  readonly subjectType: 'public' | 'pairwise'
  /** The client is known and gets nothing: no token, no sign-in. */
  readonly disabled?: true
}
