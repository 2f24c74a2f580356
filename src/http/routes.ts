/**
 * Every address of the public listener: who answers it, what it needs, and what it may cost.
 *
 * The dispatcher works from this table, and pages register their handlers by its names. The tests of bounds, floods,
 * headers and failing stores are generated from it. So a route that is not here does not exist, and a route without the
 * right bounds fails a test.
 */

import { ACCOUNT_CALLBACK } from '../clients/account-client.ts'
import {
  ENGINE_MOST_BYTES,
  ENGINE_PATHS,
  LOGOUT_CONFIRMATION,
  LONG_TOKEN_MOST_BYTES,
  MOST_PARAMETERS,
  REVOCATIONS,
} from '../engine/port.ts'

export type Method = 'GET' | 'POST' | 'OPTIONS'

export interface Route {
  readonly name: string
  /** `:name` stands for one segment. */
  readonly path: string
  /** A page or document that is read by GET is read by HEAD as well. */
  readonly methods: readonly Method[]
  /** A prepared document, oidc-provider, one of our endpoints for programs (http/feed), or a page. */
  readonly owner: 'document' | 'engine' | 'feed' | 'page'
  /** What makes a caller known here: nothing, a client, an access token, a session's or a sign-in's cookie. */
  readonly credentials: 'none' | 'client' | 'token' | 'session' | 'interaction'
  /**
   * - `none`: answers without the store.
   * - `reads`: 503 while the store is not ready.
   * - `issues`: 503 as well while the store has room for endings only.
   * - `ends`: tried for as long as the store answers at all.
   */
  readonly store: 'none' | 'reads' | 'issues' | 'ends'
  /** A refusal for programs (RFC 6749 section 5.2, or RFC 9457), or for people: a page, unless they ask for JSON. */
  readonly errors: 'oauth' | 'problem' | 'page'
  readonly limits: Limits
}

export interface Limits {
  /** The largest body that is read; what is longer is refused without being parsed. */
  readonly bodyBytes: number
  readonly parameters: number
  /**
   * What an unauthenticated caller can make the store keep here: nothing, or a record that counts towards the bytes of
   * its address (limits/stranger-records.ts).
   */
  readonly strangers: 'keep nothing' | 'counted'
}

/** The largest form of a page is a login: an address, a password of at most 1 KiB and a token, all percent-encoded. */
export const FORM_MOST_BYTES = 16 * 1024
/** A hundred acknowledgements of events. */
export const POLL_MOST_BYTES = 64 * 1024

export const SSF_POLL = '/ssf/poll'
export const SSF_CONFIGURATION = '/.well-known/ssf-configuration'

const READ: readonly Method[] = ['GET']
const SEND: readonly Method[] = ['POST']
const DOCUMENT: readonly Method[] = ['GET', 'OPTIONS']
const BY_PROGRAMS: readonly Method[] = ['POST', 'OPTIONS']

const KEEP_NOTHING: Limits = { bodyBytes: ENGINE_MOST_BYTES, parameters: MOST_PARAMETERS, strangers: 'keep nothing' }
const COUNTED: Limits = { ...KEEP_NOTHING, strangers: 'counted' }
const LONG_TOKEN: Limits = { ...KEEP_NOTHING, bodyBytes: LONG_TOKEN_MOST_BYTES }
const FORM: Limits = { ...KEEP_NOTHING, bodyBytes: FORM_MOST_BYTES }
const POLL: Limits = { ...KEEP_NOTHING, bodyBytes: POLL_MOST_BYTES }

type Row = readonly [
  name: string,
  path: string,
  methods: readonly Method[],
  owner: Route['owner'],
  credentials: Route['credentials'],
  store: Route['store'],
  errors: Route['errors'],
  limits: Limits,
]

// biome-ignore format: a table is read by its columns
const ROWS = [
  ['openid-configuration', '/.well-known/openid-configuration', DOCUMENT, 'document', 'none', 'none', 'oauth', KEEP_NOTHING],
  ['authorization-server', '/.well-known/oauth-authorization-server', DOCUMENT, 'document', 'none', 'none', 'oauth', KEEP_NOTHING],
  ['jwks', ENGINE_PATHS.jwks, DOCUMENT, 'document', 'none', 'none', 'oauth', KEEP_NOTHING],
  ['ssf-configuration', SSF_CONFIGURATION, READ, 'document', 'none', 'none', 'oauth', KEEP_NOTHING],

  ['token', ENGINE_PATHS.token, BY_PROGRAMS, 'engine', 'client', 'issues', 'oauth', KEEP_NOTHING],
  ['pushed-authorization', ENGINE_PATHS.pushed_authorization_request, BY_PROGRAMS, 'engine', 'client', 'issues', 'oauth', COUNTED],
  ['introspection', ENGINE_PATHS.introspection, BY_PROGRAMS, 'engine', 'client', 'reads', 'oauth', LONG_TOKEN],
  ['revocation', ENGINE_PATHS.revocation, BY_PROGRAMS, 'engine', 'client', 'ends', 'oauth', LONG_TOKEN],
  ['userinfo', ENGINE_PATHS.userinfo, ['GET', 'POST', 'OPTIONS'], 'engine', 'token', 'reads', 'oauth', KEEP_NOTHING],
  ['authorization', ENGINE_PATHS.authorization, READ, 'engine', 'none', 'issues', 'page', COUNTED],
  ['authorization-resumed', `${ENGINE_PATHS.authorization}/:uid`, READ, 'engine', 'interaction', 'issues', 'page', COUNTED],
  ['logout', ENGINE_PATHS.end_session, READ, 'engine', 'session', 'ends', 'page', COUNTED],
  ['logout-confirmation', LOGOUT_CONFIRMATION, SEND, 'engine', 'session', 'ends', 'page', KEEP_NOTHING],
  ['logged-out', `${ENGINE_PATHS.end_session}/success`, READ, 'engine', 'none', 'none', 'page', KEEP_NOTHING],

  ['revocations', REVOCATIONS, READ, 'feed', 'token', 'reads', 'problem', KEEP_NOTHING],
  ['ssf-poll', SSF_POLL, SEND, 'feed', 'token', 'reads', 'problem', POLL],

  ['authorization-by-post', ENGINE_PATHS.authorization, SEND, 'page', 'none', 'none', 'page', FORM],
  ['logout-by-post', ENGINE_PATHS.end_session, SEND, 'page', 'none', 'none', 'page', FORM],
  ['interaction', '/interaction/:uid', READ, 'page', 'interaction', 'reads', 'page', KEEP_NOTHING],
  ['login', '/interaction/:uid/login', SEND, 'page', 'interaction', 'issues', 'page', FORM],
  ['consent', '/interaction/:uid/consent', SEND, 'page', 'interaction', 'issues', 'page', FORM],
  ['switch-account', '/interaction/:uid/switch', SEND, 'page', 'interaction', 'issues', 'page', FORM],
  ['abort', '/interaction/:uid/abort', SEND, 'page', 'interaction', 'issues', 'page', FORM],
  ['account', '/account', READ, 'page', 'none', 'none', 'page', KEEP_NOTHING],
  ['account-signed-in', ACCOUNT_CALLBACK, READ, 'page', 'none', 'none', 'page', KEEP_NOTHING],
  ['account-apps', '/account/apps', READ, 'page', 'session', 'reads', 'page', KEEP_NOTHING],
  ['account-apps-end', '/account/apps/end', SEND, 'page', 'session', 'ends', 'page', FORM],
  ['tour', '/tour', READ, 'page', 'none', 'none', 'page', KEEP_NOTHING],
  ['tour-callback', '/tour/callback', READ, 'page', 'none', 'issues', 'page', KEEP_NOTHING],
  ['inspect', '/inspect', READ, 'page', 'none', 'none', 'page', KEEP_NOTHING],
  ['landing', '/', READ, 'page', 'none', 'none', 'page', KEEP_NOTHING],
  ['favicon', '/favicon.ico', READ, 'page', 'none', 'none', 'page', KEEP_NOTHING],
  ['robots', '/robots.txt', READ, 'page', 'none', 'none', 'page', KEEP_NOTHING],
  ['change-password', '/.well-known/change-password', READ, 'page', 'none', 'none', 'page', KEEP_NOTHING],
  ['security-txt', '/.well-known/security.txt', READ, 'page', 'none', 'none', 'page', KEEP_NOTHING],
  ['asset', '/assets/:file', READ, 'page', 'none', 'none', 'page', KEEP_NOTHING],
] as const satisfies readonly Row[]

export type RouteName = (typeof ROWS)[number][0]
export type PageName = Extract<
  (typeof ROWS)[number],
  readonly [string, string, readonly Method[], 'page', ...unknown[]]
>[0]

export const ROUTES: readonly Route[] = ROWS.map(([name, path, methods, owner, credentials, store, errors, limits]) => {
  return { name, path, methods, owner, credentials, store, errors, limits }
})

const BY_PATH = Map.groupBy(
  ROUTES.filter(({ path }) => !path.includes(':')),
  ({ path }) => path,
)

/** Patterns by their number of segments, each as its segments. */
const PATTERNS = ROUTES.filter(({ path }) => path.includes(':')).map((route) => ({
  route,
  segments: route.path.split('/'),
}))

const NO_ROUTES: readonly Route[] = []
const VALUE = /^[\w.-]+$/

/** The routes of this path, one for each group of methods; none when there is nothing. A page may be typed with a slash. */
export function routesAt(path: string): readonly Route[] {
  const found = BY_PATH.get(path) ?? matching(path)
  if (found.length > 0 || !path.endsWith('/') || path === '/') return found
  return routesAt(path.slice(0, -1)).filter(({ owner }) => owner === 'page')
}

function matching(path: string): readonly Route[] {
  const given = path.split('/', MOST_SEGMENTS + 1)
  const found = PATTERNS.filter(({ segments }) => segments.length === given.length && segments.every(fits))
  return found.length === 0 ? NO_ROUTES : found.map(({ route }) => route)

  function fits(segment: string, at: number): boolean {
    return segment.startsWith(':') ? VALUE.test(given[at] ?? '') : segment === given[at]
  }
}

const MOST_SEGMENTS = Math.max(...PATTERNS.map(({ segments }) => segments.length))

/** The route of a path that takes this method. */
export function routeFor(routes: readonly Route[], method: string | undefined): Route | undefined {
  const found = routes.find(({ methods }) => (methods as readonly string[]).includes(method ?? ''))
  if (found !== undefined || method !== 'HEAD') return found
  return routes.find(({ owner, methods }) => (owner === 'page' || owner === 'document') && methods.includes('GET'))
}
