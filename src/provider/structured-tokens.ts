/**
 * JWT access tokens at the introspection and the revocation endpoint (RFC 7662, RFC 7009).
 *
 * The engine refuses a structured token there before it looks anything up. So it is shown a stand-in: as it takes the
 * parameters of such a request, the JWT moves to the request's scope and a text that is no JWT takes its place. All that
 * the engine does with the request stays: who asks, what stands twice, who may know, how the answer looks. When it then
 * looks the stand-in up, access-token-reader.ts has the JWT verified.
 */

import type { KoaContextWithOIDC, Provider } from 'oidc-provider'

import { scopeOf } from './request-scope.ts'

/** No handle of ours and no JWT; from a request that shows it itself it leads to nothing. */
export const STAND_IN = 'presented.token'

type EngineContext = KoaContextWithOIDC['oidc'] & { readonly ctx: object }
type Params = NonNullable<EngineContext['params']>

export function takeStructuredTokens(provider: Provider): void {
  Object.defineProperty(provider.OIDCContext.prototype, 'params', {
    configurable: true,
    get: () => undefined,
    set(this: EngineContext, params: Params) {
      const { token } = params
      // A token that stands twice is a list, which the engine refuses. Handles have no dot, all that is structured has.
      if (isAboutTokens(this.route) && typeof token === 'string' && token.includes('.')) {
        scopeOf(this.ctx).presented = { token, record: undefined }
        params.token = STAND_IN
      }
      Object.defineProperty(this, 'params', { value: params, writable: true, enumerable: true, configurable: true })
    },
  })
}

function isAboutTokens(route: string): boolean {
  return route === 'introspection' || route === 'revocation'
}
