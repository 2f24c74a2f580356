/**
 * How the response to an authorization request travels: in the query, as a form that the browser posts, or in the fragment.
 *
 * The code flow needs no other mode (OAuth 2.1 section 4.1.2, OAuth 2.0 Form Post Response Mode). A request with
 * another mode would send the code to a place where the application does not look, and an attacker might find it there.
 */

import { type KoaContextWithOIDC, Provider } from 'oidc-provider'

import type { ResponseMode as ResponseModeName } from '../../../registry/client/client.ts'
import { settingsOf } from '../../request/client-settings.ts'
import type { EnginePages } from '../../configuration/browsers.ts'
import type { Override } from '../override.ts'

export const responseModes: Override = {
  members: ['Client#responseModeAllowed'],
  extended: ['Provider#registerResponseMode'],
  without: 'refuse',
  apply: limitResponseModes,
}

type ResponseMode = Parameters<Provider['registerResponseMode']>[1]
type Response = Parameters<ResponseMode>[2]

/** The engine registers its own modes first and refuses to replace them, so ours are set during that registration. */
export function withOurResponseModes(pages: EnginePages): typeof Provider {
  return class extends Provider {
    override registerResponseMode(name: string, handler: ResponseMode): void {
      super.registerResponseMode(name, name === 'form_post' ? formPost : inSpecWords(handler))
    }
  }

  function formPost(ctx: KoaContextWithOIDC, redirectUri: string, response: Response): void {
    const fields = Object.fromEntries(Object.entries(response).map(([name, value]) => [name, String(value)]))
    pages.formPost(ctx, { action: redirectUri, fields, targets: [redirectUri] })
  }
}

/** The engine has an error code of its own for an unknown mode; to RFC 6749 section 4.1.2.1 it is an invalid value. */
function inSpecWords(handler: ResponseMode): ResponseMode {
  return function respond(this: Provider, ctx, redirectUri, response) {
    const invented = response.error === 'unsupported_response_mode'
    return handler.call(this, ctx, redirectUri, invented ? { ...response, error: 'invalid_request' } : response)
  }
}

/**
 * A client chooses among the modes of its settings. Where none is chosen the response type implies one; a type that implies
 * another is refused as such.
 */
function limitResponseModes(provider: Provider): void {
  provider.Client.prototype.responseModeAllowed = function responseModeAllowed(mode: string) {
    const { responseModes = USUAL_MODES } = settingsOf(this)
    return Provider.ctx?.oidc.params?.response_mode === undefined || responseModes.some((one) => one === mode)
  }
}

// In a fragment the code stays in the address of a page that does not look for it there.
const USUAL_MODES: readonly ResponseModeName[] = ['query', 'form_post']
