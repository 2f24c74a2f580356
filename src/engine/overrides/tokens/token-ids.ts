/** The values of codes and tokens: our handles instead of the engine's random values. */

import { errors, Provider } from 'oidc-provider'

import type { Apis } from '../../../apis/apis.ts'
import type { Clock } from '../../../base/clock.ts'
import { randomId } from '../../../base/ids.ts'
import { OPENID_SCOPES } from '../../../registry/api/rules.ts'
import { withOpenIdScopes } from '../../configuration/resource-indicators.ts'
import { newHandle } from '../../adapter/handles.ts'
import { defineMethod, type Override } from '../override.ts'

export const tokenIds: Override<Parts> = {
  members: [
    'AuthorizationCode#generateTokenId',
    'RefreshToken#generateTokenId',
    'AccessToken#generateTokenId',
    'ClientCredentials#generateTokenId',
  ],
  without: 'refuse',
  apply: nameHandles,
}

interface EngineToken {
  readonly grantId?: string
  aud?: string | readonly string[]
  readonly resourceServer?: { readonly accessTokenFormat?: string }
  format?: string
  scope?: string | undefined
}

const JTI_BYTES = 16

export interface Audiences {
  readonly issuer: string
  readonly apis: Pick<Apis, 'opensUserinfo'>
}

type Parts = Audiences & { readonly clock: Clock }

/** Codes and tokens are our handles. The `jti` of a JWT is not a bearer value: 128 bits make it unique. */
function nameHandles(provider: Provider, { clock, ...audiences }: Parts): void {
  defineMethod(provider.AuthorizationCode, 'generateTokenId', function name(this: EngineToken) {
    return newHandle('AuthorizationCode', this.grantId, clock())
  })
  defineMethod(provider.RefreshToken, 'generateTokenId', function name(this: EngineToken) {
    return newHandle('RefreshToken', this.grantId, clock())
  })
  defineMethod(provider.AccessToken, 'generateTokenId', function name(this: EngineToken) {
    refuseEmptyAudience(this)
    const { grant, params, entities } = Provider.ctx?.oidc ?? {}
    const source = entities?.RefreshToken ?? entities?.AuthorizationCode
    if (grant !== undefined && mayOpenUserinfo(this, audiences)) {
      this.scope = withOpenIdScopes(this.scope, grant, params?.scope ?? source?.scope)
    }
    nameUserinfo(this, audiences)
    return accessTokenId(this, () => newHandle('AccessToken', this.grantId, clock()))
  })
  defineMethod(provider.ClientCredentials, 'generateTokenId', function name(this: EngineToken) {
    refuseEmptyAudience(this)
    return accessTokenId(this, () => newHandle('ClientCredentials', undefined, clock()))
  })
}

function accessTokenId(token: EngineToken, handle: () => string): string {
  token.format = token.resourceServer?.accessTokenFormat ?? 'opaque'
  return token.format === 'jwt' ? randomId(JTI_BYTES) : handle()
}

/** Whatever way led here, no token is for an API of which nothing was granted (RFC 8707 section 2). */
function refuseEmptyAudience({ aud, scope }: EngineToken): void {
  if (aud !== undefined && !scope?.split(' ').some((one) => one !== '' && !isOpenIdScope(one))) {
    throw new errors.InvalidTarget('nothing of this resource was granted')
  }
}

function isOpenIdScope(scope: string): boolean {
  return (OPENID_SCOPES as readonly string[]).includes(scope)
}

/** A token for userinfo alone has no audience. */
function mayOpenUserinfo({ aud }: EngineToken, { apis }: Audiences): boolean {
  return aud === undefined || apis.opensUserinfo([aud].flat()[0] ?? '')
}

/** A token for an API that opens userinfo as well says so: the API is handed it, and could read the person's profile. */
function nameUserinfo(token: EngineToken, { issuer }: Audiences): void {
  const { aud, scope } = token
  if (typeof aud === 'string' && aud !== issuer && scope?.split(' ').includes('openid')) token.aud = [aud, issuer]
}
