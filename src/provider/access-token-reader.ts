/**
 * JWT access tokens at our own userinfo endpoint.
 *
 * The engine finds access tokens in its storage, and a JWT is not there; so the adapter hands JWTs to this reader, which
 * verifies them as a resource server would (RFC 9068 section 4) and answers with the record the engine expects.
 */

import type { AdapterPayload } from 'oidc-provider'
import { createLocalJWKSet, decodeProtectedHeader, errors as joseErrors, type JWTPayload, jwtVerify } from 'jose'

import type { Apis } from '../apis/apis.ts'
import { type Clock, epochSeconds } from '../base/clock.ts'
import type { Keyring } from '../keyring/keyring.ts'
import { keys } from '../store/keys.ts'
import type { Store } from '../store/store.ts'
import { requestScope } from './request-scope.ts'
import { createVerifiedTokens } from './verified-tokens.ts'

export interface AccessTokenReader {
  /** The engine's record of a JWT access token of a person; `undefined` for anything else. */
  read(token: string): Promise<AdapterPayload | undefined>
}

interface ReaderParts {
  readonly issuer: string
  readonly apis: Apis
  readonly keyring: Keyring
  readonly store: Store
  readonly clock: Clock
}

export function createAccessTokenReader({ issuer, apis, keyring, store, clock }: ReaderParts): AccessTokenReader {
  const publicKeys = createLocalJWKSet({ keys: keyring.jwks.map(publicPart) })
  const audiences = apis.listApis().map(({ audience }) => audience)
  const algorithms = [...new Set(apis.listApis().map(({ algorithm }) => algorithm))]
  const verified = createVerifiedTokens({ clock })

  return {
    async read(token) {
      const claims = verified.find(token) ?? (await verify(token))
      if (claims === undefined || typeof claims.gid !== 'string') return undefined
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

  async function verify(token: string): Promise<JWTPayload | undefined> {
    try {
      const { payload } = await jwtVerify(token, keyFor(token), {
        issuer,
        audience: audiences,
        typ: 'at+jwt',
        algorithms,
        requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id'],
        currentDate: new Date(clock()),
      })
      verified.remember(token, payload)
      return payload
    } catch (error) {
      if (error instanceof joseErrors.JOSEError || error instanceof TypeError) return undefined
      throw error
    }
  }

  /** A shared secret verifies only the tokens of the API it is shared with (RFC 8725 section 3.1). */
  function keyFor(token: string): Parameters<typeof jwtVerify>[1] {
    return async (header, input) => {
      if (decodeProtectedHeader(token).alg !== 'HS256') return publicKeys(header, input)
      const { aud } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { aud?: unknown }
      const api = typeof aud === 'string' ? apis.findApi(aud) : undefined
      if (api?.algorithm !== 'HS256' || api.secret === undefined) throw new joseErrors.JWKSNoMatchingKey()
      return api.secret
    }
  }

  function record(claims: JWTPayload, accountId: string): AdapterPayload {
    const cnf = (claims.cnf ?? {}) as { jkt?: string; 'x5t#S256'?: string }
    return {
      kind: 'AccessToken',
      jti: claims.jti as string,
      iat: claims.iat ?? epochSeconds(clock),
      exp: claims.exp as number,
      clientId: claims.client_id as string,
      accountId,
      grantId: claims.gid as string,
      // No `aud`: the engine would refuse the token for having one. The scope `openid` is what opens userinfo.
      scope: (claims.scope as string | undefined) ?? '',
      ...(cnf.jkt === undefined ? {} : { jkt: cnf.jkt }),
      ...(cnf['x5t#S256'] === undefined ? {} : { 'x5t#S256': cnf['x5t#S256'] }),
    }
  }
}

const PRIVATE_MEMBERS = new Set(['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'priv'])

function publicPart(jwk: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(jwk).filter(([member]) => !PRIVATE_MEMBERS.has(member)))
}
