/** An API in the form of the server, from any declaration. */

export const SIGNING_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA', 'ML-DSA-65', 'HS256'] as const
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number]

export interface ApiSettings {
  /** The resource indicator (RFC 8707) and the `aud` of its tokens. */
  readonly audience: string
  readonly name: string
  /** A scope and the sentence that the consent page shows for it. */
  readonly scopes: Readonly<Record<string, string>>
  readonly tokenFormat: 'jwt' | 'opaque'
  readonly algorithm: SigningAlgorithm
  /** HS256 only: at least 32 bytes, shared with the API. */
  readonly secret: Uint8Array | undefined
  /** Names a secret that the store has already: the file holds no secret. base64url SHA-256. */
  readonly secretSha256?: string
  /** The `typ` of its JWTs where that is not `at+jwt`: for verifiers that know no other type than `JWT`. */
  readonly tokenType?: 'JWT'
  readonly accessTokenSeconds: number
  /** Whether its tokens may carry OpenID scopes, and then open /userinfo and name the issuer in `aud`. Never with HS256. */
  readonly opensUserinfo: boolean
  /** The clients that speak for the API at introspection. */
  readonly introspectedBy: readonly string[]
}
