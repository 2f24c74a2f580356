/**
 * Which API a token is for, and what it may do there (RFC 8707, RFC 9068).
 *
 * A token is for an API only where at least one of its scopes was granted: the consent page asks by scope, so an API of
 * which nothing was asked is not on it. Where no resource is named, the scopes say it: the APIs that define them.
 */

import { createSecretKey } from 'node:crypto'
import { type Configuration, errors, type Grant, type KoaContextWithOIDC, type ResourceServer } from 'oidc-provider'

import { SignerUnavailable } from '../../faults/keyring.ts'
import { asEngineError } from '../request/errors.ts'
import type { Apis } from '../../apis/apis.ts'
import { checkSize } from './authorization-requests.ts'
import { settingsOf } from '../request/client-settings.ts'
import type { ApiSettings, ClientSettings } from '../../config/config.ts'

interface Parts {
  readonly targets: Targets
}

type ResourceIndicators = NonNullable<NonNullable<Configuration['features']>['resourceIndicators']>

export type Target = ResourceServer & { readonly audience: string; readonly opensUserinfo: boolean }

export interface Targets {
  /** The APIs that define these scopes for this client. */
  apisFor(client: ClientSettings, scopes: ReadonlySet<string>): readonly string[]
  /** The API for which a machine gets a token that asked for nothing. */
  usual(client: ClientSettings): Target | undefined
  /** The default among the granted APIs, for a token request without a resource. */
  preferred(granted: readonly string[]): string | undefined
  /** The engine's description of an API that this client may call; `undefined` for any other resource. */
  find(client: ClientSettings, resource: string): Target | undefined
}

/** `signs` says whether this engine's ring has a key of an algorithm; it follows a new API within a second. */
export function createTargets(apis: Apis, signs: (algorithm: string) => boolean): Targets {
  // As long as both are held: a client or an API that changes is another object.
  const found = new WeakMap<ClientSettings, WeakMap<ApiSettings, Target>>()

  function find(client: ClientSettings, resource: string): Target | undefined {
    const api = apis.findApi(resource)
    const allowed = client.apis[resource]
    if (api === undefined || allowed === undefined) return undefined
    if (api.tokenFormat === 'jwt' && !signs(api.algorithm)) {
      throw asEngineError(
        new SignerUnavailable({ detail: `the ring of this server has no key for ${api.algorithm} yet` }),
      )
    }
    const ofClient = found.get(client) ?? new WeakMap<ApiSettings, Target>()
    const target = ofClient.get(api) ?? { ...describe(api, allowed), opensUserinfo: apis.opensUserinfo(resource) }
    found.set(client, ofClient.set(api, target))
    return target
  }

  return {
    apisFor: (client, scopes) =>
      Object.entries(client.apis)
        .filter(([, allowed]) => allowed.some((scope) => scopes.has(scope)))
        .map(([audience]) => audience),

    usual(client) {
      const allowed = Object.keys(client.apis)
      const audience = allowed.find((one) => one === apis.defaultApi) ?? allowed[0]
      return audience === undefined ? undefined : find(client, audience)
    },

    preferred: (granted) => granted.find((audience) => audience === apis.defaultApi) ?? granted[0],

    find,
  }
}

export function resourceIndicators({ targets }: Parts): ResourceIndicators {
  return {
    enabled: true,

    async defaultResource(ctx, client, oneOf) {
      if (oneOf === undefined) {
        const settings = settingsOf(client)
        askForDefaults(ctx, settings, targets.usual(settings)?.scope)
        const named = targets.apisFor(settings, requestedScopes(ctx))
        if (named.length > 0) return named.length === 1 ? (named[0] as string) : [...named]
        // Nothing asked of an API: the token is for userinfo alone, which a machine has no use for.
        if (isForMachine(ctx)) return usualFor(ctx, targets.usual(settings))
        if (!settings.scopes.some((scope) => requestedScopes(ctx).has(scope))) throw noScope(ctx)
        return []
      }
      // A token is for one API. With several resources the choice would surprise the client, so a list is refused.
      if (Array.isArray(ctx.oidc.params?.resource)) return [...oneOf]
      return targets.preferred(oneOf.filter((audience) => isGranted(ctx, audience))) ?? []
    },

    // A token request without a resource gets a token for one of the APIs of which something was granted.
    useGrantedResource: async (ctx, model) =>
      [model.resource ?? []].flat().some((audience: string) => isGranted(ctx, audience)),

    // An unknown API and an API that this client may not call get the same response (RFC 8707 section 2).
    async getResourceServerInfo(ctx, resource, client) {
      const settings = settingsOf(client)
      const target = targets.find(settings, resource)
      if (target === undefined) throw new errors.InvalidTarget('unknown or forbidden resource')
      if (asksAnew(ctx)) askForDefaults(ctx, settings, scopesOfAll(ctx, settings))
      if (asksAnew(ctx) && !target.scope.split(' ').some((scope) => requestedScopes(ctx).has(scope))) {
        throw new errors.InvalidTarget('no scope of this resource is asked for')
      }
      return target
    },
  }

  /** What the client may ask of the APIs that this request names. */
  function scopesOfAll({ oidc: { params } }: KoaContextWithOIDC, settings: ClientSettings): string {
    const named = [params?.resource ?? []].flat() as string[]
    return named.map((resource) => targets.find(settings, resource)?.scope ?? '').join(' ')
  }
}

/**
 * A request without a scope asks for the client's default, or for all that it may ask of the APIs in question (RFC 6749
 * section 3.3); with nothing to fall back on it is refused, before anyone signs in.
 */
function askForDefaults(ctx: KoaContextWithOIDC, { defaultScopes }: ClientSettings, scopes: string | undefined): void {
  const { params } = ctx.oidc
  if (params === undefined || params.scope !== undefined) return
  const scope = defaultScopes?.join(' ') ?? scopes?.trim()
  if (scope !== undefined && scope !== '') params.scope = scope
}

function noScope(ctx: KoaContextWithOIDC): Error {
  const { scope } = ctx.oidc.params ?? {}
  checkSize(ctx, typeof scope === 'string' ? scope : undefined)
  return new errors.InvalidScope('no scope that this client may ask for', [...requestedScopes(ctx)].join(' '))
}

function describe(api: ApiSettings, allowed: readonly string[]): Omit<Target, 'opensUserinfo'> {
  return {
    scope: allowed.filter((scope) => Object.hasOwn(api.scopes, scope)).join(' '),
    audience: api.audience,
    accessTokenTTL: api.accessTokenSeconds,
    accessTokenFormat: api.tokenFormat,
    ...(api.tokenFormat === 'jwt' ? { jwt: { sign: signing(api) } } : {}),
  } as Omit<Target, 'opensUserinfo'>
}

function signing(api: ApiSettings): Record<string, unknown> {
  const typ = api.tokenType
  if (api.algorithm !== 'HS256') return { alg: api.algorithm, typ }
  if (api.secret === undefined) throw new TypeError(`no secret for ${api.audience}`)
  return { alg: 'HS256', typ, key: createSecretKey(api.secret) }
}

/** A machine that asks for nothing gets all that it has at one API (RFC 6749 section 3.3). */
function usualFor(ctx: KoaContextWithOIDC, target: Target | undefined): string | string[] {
  const { params } = ctx.oidc
  // A client that may call no API gets a token that opens none.
  if (target === undefined && params?.scope === undefined) return []
  if (params === undefined || params.scope !== undefined || target === undefined || target.scope === '') {
    throw noScope(ctx)
  }
  params.scope = target.scope
  return target.audience
}

function isForMachine({ oidc }: KoaContextWithOIDC): boolean {
  return oidc.route === 'token' && oidc.params?.grant_type === 'client_credentials'
}

/** Whether this request says itself what it wants; others come with what was granted before. */
function asksAnew(ctx: KoaContextWithOIDC): boolean {
  return ctx.oidc.route !== 'token' || isForMachine(ctx)
}

/** Whether something of this API was granted that this request asks for as well. */
function isGranted({ oidc: { params, entities } }: KoaContextWithOIDC, audience: string): boolean {
  const scope = params?.scope ?? (entities.RefreshToken ?? entities.AuthorizationCode)?.scope
  const asked = typeof scope === 'string' ? scope.split(' ') : []
  return Boolean(entities.Grant?.getResourceScopeFiltered(audience, asked))
}

function requestedScopes(ctx: KoaContextWithOIDC): ReadonlySet<string> {
  const scope = ctx.oidc.params?.scope
  return new Set(typeof scope === 'string' ? scope.split(' ') : [])
}

/**
 * The engine keeps OpenID scopes out of a token that is for an API. Ours carry them where the API allows it (as the example
 * of RFC 9068 section 3 does), so that the one access token a client holds opens userinfo too, as far as it was granted.
 */
export function withOpenIdScopes(scope: string | undefined, grant: Grant, asked: unknown): string | undefined {
  const openId = grant.getOIDCScopeFiltered(new Set(typeof asked === 'string' ? asked.split(' ') : []))
  const all = new Set([...openId.split(' '), ...(scope ?? '').split(' ')].filter(Boolean))
  return all.size === 0 ? undefined : [...all].join(' ')
}
