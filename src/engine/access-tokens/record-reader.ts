/**
 * JWT access tokens where the engine looks for a stored one.
 *
 * The engine finds access tokens in its storage, and a JWT is not there; so the adapter hands JWTs to this reader, which
 * has them verified and answers with the record that the engine expects. The token of a person is good while its grant
 * is alive; that of a machine has no grant.
 */

import { type AdapterPayload, Provider } from 'oidc-provider'

import { keys } from '../../store/keys.ts'
import type { Store } from '../../store/store.ts'
import type { AccessTokens } from './access-tokens.ts'
import type { AccessTokenClaims, TokenUse } from './claims.ts'
import type { AccessTokenModel } from '../adapter/handles.ts'
import { type Presented, requestScope } from '../request/scope.ts'

export interface AccessTokenReader extends Pick<AccessTokens, 'opensUserinfo'> {
  /** The engine's record of this model of a JWT; `undefined` for anything else. */
  read(model: AccessTokenModel, token: string): Promise<AdapterPayload | undefined>
}

interface AccessTokenReaderParts {
  readonly accessTokens: AccessTokens
  readonly store: Pick<Store, 'get' | 'confirm'>
  /** The `sub` by which a client knows an account. */
  readonly subjectOf: (accountId: string, clientId: string) => Promise<string>
}

export function createAccessTokenReader({ accessTokens, store, subjectOf }: AccessTokenReaderParts): AccessTokenReader {
  return {
    opensUserinfo: (aud) => accessTokens.opensUserinfo(aud),

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

  /** The engine refuses userinfo to a token that is for an API; this one may name the issuer as well. */
  function audienceFor({ aud }: AccessTokenClaims, use: TokenUse): Pick<AdapterPayload, 'aud'> {
    return use === 'userinfo' && accessTokens.opensUserinfo(aud) ? {} : { aud: aud as string }
  }

  async function recordOf(token: string): Promise<AdapterPayload | undefined> {
    const use = useHere()
    const claims = await accessTokens.verify(token, use)
    if (claims === undefined) return undefined
    const found = { ...record(claims), ...audienceFor(claims, use) }
    if (claims.gid === undefined) return { ...found, kind: 'ClientCredentials' }
    const accountId = await ownerOf(claims, use)
    return accountId === undefined ? undefined : { ...found, kind: 'AccessToken', accountId, ...ofGrant(claims) }
  }

  /** Whose token it is; `undefined` when it is worth nothing any more. */
  async function ownerOf(claims: AccessTokenClaims, use: TokenUse): Promise<string | undefined> {
    const { gid = '', client_id: clientId, sub } = claims
    const isShared = accessTokens.isShared(claims)
    // To end a token that we signed, it need not be alive.
    if (use === 'revocation' && !isShared) return sub
    const accountId = await accountOf(gid, clientId)
    // The answer to a revocation acknowledges the ending of the grant, which may not be confirmed yet.
    if (use === 'revocation' && accountId === undefined) await store.confirm(keys.grant(gid))
    if (accountId === undefined || !isShared) return accountId
    // An API that forged it could name any person, whose revocations would then grow.
    return sub === (await subjectOf(accountId, clientId)) ? accountId : undefined
  }

  /** Whose grant it is; `undefined` when it has ended, or was given to another client. */
  async function accountOf(grantId: string, clientId: string): Promise<string | undefined> {
    const grantKey = keys.grant(grantId)
    const { seen } = requestScope()
    const reading = store.get(grantKey)
    seen.set(grantKey, reading)
    const grant = await reading
    const given = grant && (JSON.parse(grant.value) as { accountId: string; clientId: string })
    return given?.clientId === clientId ? given.accountId : undefined
  }
}

/** Only two endpoints ask about tokens; whatever else brings one wants it to open something. */
function useHere(): TokenUse {
  const route = Provider.ctx?.oidc.route
  return route === 'introspection' || route === 'revocation' ? route : 'userinfo'
}

function record(claims: AccessTokenClaims): AdapterPayload {
  return {
    jti: claims.jti,
    iat: claims.iat,
    exp: claims.exp,
    clientId: claims.client_id,
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
