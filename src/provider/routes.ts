/**
 * The engine's endpoints, and ours for programs: where they are, and by which methods. Whatever is not here is a page, or
 * nothing.
 */

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

const DISCOVERY = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'] as const

/** Answered by ourselves, in front of the engine (http/revocations). */
export const REVOCATIONS = '/revocations'
export const SSF_POLL = '/ssf/poll'
export const SSF_CONFIGURATION = '/.well-known/ssf-configuration'

/** The form of the logout page posts here. */
export const LOGOUT_CONFIRMATION = `${ENGINE_PATHS.end_session}/confirm`

type Method = 'GET' | 'POST' | 'OPTIONS'

const METHODS: ReadonlyMap<string, readonly Method[]> = new Map<string, readonly Method[]>([
  [ENGINE_PATHS.authorization, ['GET', 'POST']],
  [ENGINE_PATHS.token, ['POST', 'OPTIONS']],
  [ENGINE_PATHS.userinfo, ['GET', 'POST', 'OPTIONS']],
  [ENGINE_PATHS.jwks, ['GET', 'OPTIONS']],
  [ENGINE_PATHS.introspection, ['POST', 'OPTIONS']],
  [ENGINE_PATHS.revocation, ['POST', 'OPTIONS']],
  [ENGINE_PATHS.pushed_authorization_request, ['POST', 'OPTIONS']],
  [ENGINE_PATHS.end_session, ['GET', 'POST']],
  [LOGOUT_CONFIRMATION, ['POST']],
  [`${ENGINE_PATHS.end_session}/success`, ['GET']],
  [REVOCATIONS, ['GET']],
  [SSF_POLL, ['POST']],
  [SSF_CONFIGURATION, ['GET']],
  ...DISCOVERY.map((path) => [path, ['GET', 'OPTIONS']] as const),
])

const RESUME = /^\/authorize\/[A-Za-z0-9_-]+$/

/** The methods an engine path answers to; `undefined` when the path is not the engine's. */
export function engineMethods(path: string): readonly string[] | undefined {
  return METHODS.get(path) ?? (RESUME.test(path) ? ['GET'] : undefined)
}

/** A request that a page takes by POST and sends on by GET (see http/pages/by-post.ts). */
export function isSentOnByGet(path: string, method: string | undefined): boolean {
  return method === 'POST' && (path === ENGINE_PATHS.authorization || path === ENGINE_PATHS.end_session)
}

/** Every engine path with its methods, for tests that must cover them all. */
export function listEngineRoutes(): { path: string; methods: readonly string[] }[] {
  return [...METHODS].map(([path, methods]) => ({ path, methods }))
}

/** Which prepared document a path answers with. */
export function documentAt(path: string): 'discovery' | 'jwks' | undefined {
  if (path === ENGINE_PATHS.jwks) return 'jwks'
  return (DISCOVERY as readonly string[]).includes(path) ? 'discovery' : undefined
}
