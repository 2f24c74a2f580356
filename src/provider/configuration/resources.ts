/**
 * Which API a token is for, and what it may do there (RFC 8707, RFC 9068).
 *
 * Where no resource is named, the scopes say it: the APIs that define them; where they say nothing, the default API.
 */

import { createSecretKey } from 'node:crypto'
import { type Configuration, errors, type KoaContextWithOIDC, type ResourceServer } from 'oidc-provider'

import type { Apis } from '../../apis/apis.ts'
import type { Clients } from '../../clients/clients.ts'
import type { ApiSettings, ClientSettings } from '../../config/config.ts'

interface Parts {
  readonly clients: Clients
  readonly targets: Targets
}

type ResourceIndicators = NonNullable<NonNullable<Configuration['features']>['resourceIndicators']>

export type Target = ResourceServer & { readonly audience: string; readonly opensUserinfo: boolean }

export interface Targets {
  /** The API of these scopes, or the default one; a list where that is not one API. */
  apisFor(client: ClientSettings, scopes: ReadonlySet<string>): string | readonly string[]
  /** Of the APIs that were granted, the one that a token is for where its request names none. */
  preferred(granted: readonly string[]): string | undefined
  /** What the engine is told of an API that this client may call; `undefined` for any other resource. */
  find(client: ClientSettings, resource: string): Target | undefined
}

export function createTargets(apis: Apis): Targets {
  const found = new Map<string, Target>()

  return {
    apisFor(client, scopes) {
      const named = Object.entries(client.apis)
        .filter(([, allowed]) => allowed.some((scope) => scopes.has(scope)))
        .map(([audience]) => audience)
      if (named.length > 0) return named.length === 1 ? (named[0] as string) : named
      const allowed = Object.keys(client.apis)
      const fallback = allowed.includes(apis.defaultApi ?? '') ? apis.defaultApi : allowed[0]
      return fallback ?? []
    },

    preferred: (granted) => granted.find((audience) => audience === apis.defaultApi) ?? granted[0],

    find(client, resource) {
      const api = apis.findApi(resource)
      const allowed = client.apis[resource]
      if (api === undefined || allowed === undefined) return undefined
      const name = `${client.clientId}\n${resource}`
      const target = found.get(name) ?? { ...describe(api, allowed), opensUserinfo: apis.opensUserinfo(resource) }
      found.set(name, target)
      return target
    },
  }
}

export function resourceIndicators({ clients, targets }: Parts): ResourceIndicators {
  return {
    enabled: true,

    async defaultResource(ctx, client, oneOf) {
      if (oneOf === undefined) {
        const all = targets.apisFor(clients.getClient(client.clientId), requestedScopes(ctx))
        return typeof all === 'string' ? all : [...all]
      }
      // A token is for one API. Whoever names several at once would be surprised by which; the engine refuses a list.
      return Array.isArray(ctx.oidc.params?.resource) ? [...oneOf] : (targets.preferred(oneOf) ?? [])
    },

    // A token request that names no resource gets a token for one of those that were granted.
    useGrantedResource: async () => true,

    // An API that does not exist and one that this client may not call get one answer (RFC 8707 section 2).
    async getResourceServerInfo(_ctx, resource, client) {
      const target = targets.find(clients.getClient(client.clientId), resource)
      if (target === undefined) throw new errors.InvalidTarget('unknown or forbidden resource')
      return target
    },
  }
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
  if (api.algorithm !== 'HS256') return { alg: api.algorithm }
  if (api.secret === undefined) throw new TypeError(`no secret for ${api.audience}`)
  return { alg: 'HS256', key: createSecretKey(api.secret) }
}

function requestedScopes(ctx: KoaContextWithOIDC): ReadonlySet<string> {
  const scope = ctx.oidc.params?.scope
  return new Set(typeof scope === 'string' ? scope.split(' ') : [])
}
