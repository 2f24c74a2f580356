/** Where the engine's endpoints are. The table of all routes stands in http/routes.ts, one floor up. */

export const ENGINE_PATHS = {
  authorization: '/authorize',
  token: '/token',
  userinfo: '/userinfo',
  jwks: '/jwks',
  introspection: '/introspect',
  revocation: '/revoke',
  pushed_authorization_request: '/par',
  end_session: '/logout',
} as const

/** Named in the metadata; answered in front of the engine (http/feed). */
export const REVOCATIONS = '/revocations'

/** The form of the logout page posts here. */
export const LOGOUT_CONFIRMATION = `${ENGINE_PATHS.end_session}/confirm`

/** Discovery by OpenID Connect, and the metadata of RFC 8414. */
export const OPENID_METADATA = '/.well-known/openid-configuration'
export const OAUTH_METADATA = '/.well-known/oauth-authorization-server'
