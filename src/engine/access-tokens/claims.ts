/** The claims of this server's JWT access tokens, and the uses for which one is read. */

/** The claims of a token of ours, by their names on the wire. */
export interface AccessTokenClaims {
  readonly iss: string
  /** The API; with the issuer after it where the token opens /userinfo as well. */
  readonly aud: string | readonly string[]
  readonly sub: string
  readonly client_id: string
  readonly jti: string
  readonly iat: number
  readonly exp: number
  readonly scope?: string
  /** The grant; a machine's token has none. */
  readonly gid?: string
  /** The browser session with which the token ends. */
  readonly sid?: string
  /** The key without whose proof the token is worth nothing (RFC 9449 section 6.1, RFC 8705 section 3.1). */
  readonly cnf?: { readonly jkt?: string; readonly 'x5t#S256'?: string }
}

/**
 * The use for which a token is read: /userinfo (where `opensUserinfo` decides as well), an endpoint of ours that is its
 * own API, introspection, or ending it.
 */
export type TokenUse = 'userinfo' | 'own_api' | 'introspection' | 'revocation'
