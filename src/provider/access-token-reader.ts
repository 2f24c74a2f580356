/**
 * JWT access tokens where the engine looks for a stored one.
 *
 * The engine finds access tokens in its storage, and a JWT is not there; so the adapter hands JWTs to this reader, which
 * has them verified and answers with the record that the engine expects. The token of a person is good while its grant
 * is alive; that of a machine has no grant.
 */

import { type AdapterPayload, Provider } from 'oidc-provider'

import { keys } from '../store/keys.ts'
import type { Store } from '../store/store.ts'
import type { AccessTokenClaims, AccessTokens } from './access-tokens.ts'
import type { AccessTokenModel } from './handles.ts'
import { type Presented, requestScope } from './request-scope.ts'

export interface AccessTokenReader {
  /** The engine's record of this model of a JWT; `undefined` for anything else. */
  read(model: AccessTokenModel, token: string): Promise<AdapterPayload | undefined>
}

export function createAccessTokenReader(accessTokens: AccessTokens, store: Store): AccessTokenReader {
  return {
    async read(model, token) {
      const { presented } = requestScope()
      const record = presented?.token === token ? await readOnce(presented) : await recordOf(token)
      return record?.kind === model ? record : undefined
    },
  }

  /** The engine asks each model in turn; one look answers all. */
  function readOnce(presented: Presented): Promise<AdapterPayload | undefined> {
    presented.record ??= recordOf(presented.token)
    return presented.record
  }

  async function recordOf(token: string): Promise<AdapterPayload | undefined> {
    const claims = await accessTokens.verify(token)
    if (claims === undefined) return undefined
    if (claims.gid === undefined) return { ...record(claims), kind: 'ClientCredentials' }
    const accountId = await accountOf(claims.gid)
    return accountId === undefined
      ? undefined
      : { ...record(claims), kind: 'AccessToken', accountId, ...ofGrant(claims) }
  }

  /** Whose grant it is; `undefined` when it has ended. */
  async function accountOf(grantId: string): Promise<string | undefined> {
    const grantKey = keys.grant(grantId)
    const { seen } = requestScope()
    const reading = store.get(grantKey)
    seen.set(grantKey, reading)
    const grant = await reading
    return grant && (JSON.parse(grant.value) as { accountId: string }).accountId
  }
}

function record(claims: AccessTokenClaims): AdapterPayload {
  return {
    jti: claims.jti,
    iat: claims.iat,
    exp: claims.exp,
    clientId: claims.client_id,
    // The engine would refuse userinfo to a token that is for an API; the scope `openid` is what opens it.
    ...(Provider.ctx?.oidc.route === 'userinfo' ? {} : { aud: claims.aud }),
    scope: claims.scope ?? '',
    ...claims.cnf,
    // Introspection repeats what the token says, above all `sub`: the caller compares it with what he reads himself.
    extra: { ...claims },
  }
}

function ofGrant({ gid, sid }: AccessTokenClaims): Partial<AdapterPayload> {
  // With the grant's id the engine would end the whole grant when its client revokes this one token.
  const grant = Provider.ctx?.oidc.route === 'revocation' ? {} : { grantId: gid }
  return { ...grant, ...(sid === undefined ? {} : { sid }) } as Partial<AdapterPayload>
}
