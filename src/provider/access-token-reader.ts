/**
 * JWT access tokens where the engine looks for a stored one.
 *
 * The engine finds access tokens in its storage, and a JWT is not there; so the adapter hands JWTs to this reader, which
 * has them verified and answers with the record that the engine expects.
 */

import type { AdapterPayload } from 'oidc-provider'

import { keys } from '../store/keys.ts'
import type { Store } from '../store/store.ts'
import type { AccessTokenClaims, AccessTokens } from './access-tokens.ts'
import { requestScope } from './request-scope.ts'

export interface AccessTokenReader {
  /** The engine's record of a JWT access token of a person; `undefined` for anything else. */
  read(token: string): Promise<AdapterPayload | undefined>
}

export function createAccessTokenReader(accessTokens: AccessTokens, store: Store): AccessTokenReader {
  return {
    async read(token) {
      const claims = await accessTokens.verify(token)
      if (claims?.gid === undefined) return undefined
      const grantKey = keys.grant(claims.gid)
      const { seen } = requestScope()
      const reading = store.get(grantKey)
      seen.set(grantKey, reading)
      const grant = await reading
      if (grant === undefined) return undefined
      const { accountId } = JSON.parse(grant.value) as { accountId: string }
      return record(claims, accountId)
    },
  }
}

function record(claims: AccessTokenClaims, accountId: string): AdapterPayload {
  return {
    kind: 'AccessToken',
    jti: claims.jti,
    iat: claims.iat,
    exp: claims.exp,
    clientId: claims.client_id,
    accountId,
    ...(claims.gid === undefined ? {} : { grantId: claims.gid }),
    // No `aud`: the engine would refuse the token for having one. The scope `openid` is what opens userinfo.
    scope: claims.scope ?? '',
    ...claims.cnf,
  }
}
