/**
 * The token that introspection and revocation are asked about (RFC 7662, RFC 7009).
 *
 * The engine refuses a structured token there before it looks anything up. So it is shown a stand-in: as it takes the
 * parameters of such a request, the token moves to the request's scope and an object that is no JWT takes its place.
 * When the engine looks that up, its models are given the token itself, and access-tokens/record-reader.ts has a JWT verified.
 * All that the engine does with the request stays: who asks, what stands twice, who may know, how the answer looks.
 */

import { type KoaContextWithOIDC, Provider } from 'oidc-provider'

import { requestScope, scopeOf } from '../../request/scope.ts'
import type { Override } from '../override.ts'

export const presentedTokens: Override = {
  members: ['AccessToken.find', 'ClientCredentials.find', 'RefreshToken.find'],
  adds: ['OIDCContext#params'],
  without: 'refuse',
  apply: takeStructuredTokens,
}

const PARAMS = Symbol('the parameters of a request')

type Params = NonNullable<KoaContextWithOIDC['oidc']['params']>
type EngineContext = KoaContextWithOIDC['oidc'] & { readonly ctx: object; [PARAMS]?: Params }
type Find = (token: unknown, options?: object) => Promise<unknown>

function takeStructuredTokens(provider: Provider): void {
  Object.defineProperty(provider.OIDCContext.prototype, 'params', {
    configurable: true,
    get(this: EngineContext) {
      return this[PARAMS]
    },
    set(this: EngineContext, params: Params) {
      const { token } = params
      // A token that stands twice is a list, which the engine refuses.
      if (isAboutTokens(this.route) && typeof token === 'string') {
        scopeOf(this.ctx).presented = { token, record: undefined }
        params.token = STAND_IN
      }
      this[PARAMS] = params
    },
  })
  for (const model of [provider.AccessToken, provider.ClientCredentials, provider.RefreshToken]) {
    const find = (Reflect.get(model, 'find') as Find).bind(model)
    Reflect.set(model, 'find', (token: unknown, options?: object) =>
      token === STAND_IN
        ? find(presentedToken(), { ...options, ignoreExpiration: isRevocation() })
        : find(token, options),
    )
  }
}

/** A token to be ended is found even if it has expired by this node's clock. */
function isRevocation(): boolean {
  return Provider.ctx?.oidc.route === 'revocation'
}

/** The engine compares the token that it found with the parameter, which is the real one from here on. */
function presentedToken(): string | undefined {
  const token = requestScope().presented?.token
  const params = Provider.ctx?.oidc.params
  if (params !== undefined) params.token = token
  return token
}

// Made once: for a text that is no JWT the engine has an error made, with a trace, which it drops. That was an eighth of
// an introspection.
const NOT_STRUCTURED = new Error('no JWT')

/** Answers the engine's check for a protected header with no. */
const STAND_IN = Object.freeze({
  get protected(): never {
    throw NOT_STRUCTURED
  },
})

function isAboutTokens(route: string): boolean {
  return route === 'introspection' || route === 'revocation'
}
