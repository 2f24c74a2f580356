/** Introspection (RFC 7662) of an opaque token that is active, by a client that may know. */

import type { Provider } from 'oidc-provider'

import type { Apis } from '../../apis/apis.ts'
import { mayKnow } from '../configuration/introspection.ts'
import { modelOf } from '../adapter/handles.ts'
import { ENGINE_PATHS } from '../paths.ts'
import { findLiveGrant } from './live-grant.ts'
import { authenticatedClient, type ClientParts, plainForm } from './plain-form.ts'
import type { FastPath } from './fast-path.ts'

interface Parts extends ClientParts {
  readonly issuer: string
  readonly apis: Pick<Apis, 'findApi'>
}

/** The introspection response for a token of any model. */
interface Token {
  readonly kind: string
  readonly clientId: string
  readonly accountId?: string
  readonly grantId?: string
  readonly exp: number
  readonly iat: number
  readonly sid?: string
  readonly aud?: string
  readonly scope?: string
  readonly tokenType: string
  readonly isValid: boolean
  isSenderConstrained(): boolean
}

type Model = { find(handle: string): Promise<Token | undefined> }

export function introspection(provider: Provider, parts: Parts): FastPath {
  const { issuer, apis, clients } = parts

  return {
    path: ENGINE_PATHS.introspection,
    method: 'POST',
    exposedHeaders: 'WWW-Authenticate',

    async answerTo({ headers }, body) {
      const form = plainForm(body, ['token', 'token_type_hint'])
      const client = form && authenticatedClient(parts, headers, form)
      if (client === undefined || form?.token === undefined) return undefined
      const token = await find(form.token)
      if (token === undefined || !mayKnow(apis, client.clientId, token)) return undefined
      if (token.grantId !== undefined && (await findLiveGrant(provider, token)) === undefined) return undefined
      return told(token)
    },
  }

  /** Finds a valid, unbound token of a client with public subjects; anything else is left to the engine. */
  async function find(handle: string): Promise<Token | undefined> {
    const model = modelOf(handle)
    if (model === undefined || model === 'AuthorizationCode') return undefined
    const token = await (provider[model] as unknown as Model).find(handle)
    if (!token?.isValid || token.isSenderConstrained()) return undefined
    return clients.heldClient(token.clientId)?.subjectType === 'public' ? token : undefined
  }

  /** In the engine's order. A member that is undefined is left out. */
  function told(token: Token): object {
    return {
      active: true,
      sub: token.accountId ?? (token.kind === 'ClientCredentials' ? token.clientId : undefined),
      client_id: token.clientId,
      exp: token.exp,
      iat: token.iat,
      sid: token.sid,
      iss: issuer,
      aud: token.aud,
      scope: token.scope || undefined,
      token_type: token.kind === 'RefreshToken' ? undefined : token.tokenType,
    }
  }
}
