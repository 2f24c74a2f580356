/** Where the engine's models are bent to our store: the values they make up, and who decides a replay. */

import { errors, type Grant, Provider } from 'oidc-provider'

import { LARGEST_TOLERANCE_SECONDS } from '../../revocation/revocation-log.ts'
import type { Apis } from '../../apis/apis.ts'
import { type Clock, epochSeconds } from '../../base/clock.ts'
import { randomId } from '../../base/ids.ts'
import type { StrangerRecords } from '../../limits/stranger-records.ts'
import { OPENID_SCOPES } from '../../registry/api-rules.ts'
import { keys } from '../../store/keys.ts'
import type { Store } from '../../store/store.ts'
import type { AccessTokens } from '../access-tokens/access-tokens.ts'
import { answering } from '../request/errors.ts'
import { newHandle } from '../adapter/handles.ts'
import { requestScope } from '../request/scope.ts'
import { countStranger } from '../request/strangers.ts'
import { readStrictly } from '../request/strict-jwt.ts'

interface EngineToken {
  readonly grantId?: string
  aud?: string | readonly string[]
  readonly resourceServer?: { readonly accessTokenFormat?: string }
  format?: string
  scope?: string | undefined
}

const JTI_BYTES = 16

interface Audiences {
  readonly issuer: string
  readonly apis: Pick<Apis, 'opensUserinfo'>
}

/** Codes and tokens are handles of ours. A JWT's `jti` is no bearer value: 128 bits make it unique. */
export function nameHandles(provider: Provider, audiences: Audiences): void {
  define(provider.AuthorizationCode, 'generateTokenId', function name(this: EngineToken) {
    return newHandle('AuthorizationCode', this.grantId)
  })
  define(provider.RefreshToken, 'generateTokenId', function name(this: EngineToken) {
    return newHandle('RefreshToken', this.grantId)
  })
  define(provider.AccessToken, 'generateTokenId', function name(this: EngineToken) {
    refuseEmptyAudience(this)
    const { grant, params, entities } = Provider.ctx?.oidc ?? {}
    const source = entities?.RefreshToken ?? entities?.AuthorizationCode
    if (grant !== undefined && mayOpenUserinfo(this, audiences)) {
      this.scope = withOpenIdScopes(this.scope, grant, params?.scope ?? source?.scope)
    }
    nameUserinfo(this, audiences)
    return accessTokenId(this, () => newHandle('AccessToken', this.grantId))
  })
  define(provider.ClientCredentials, 'generateTokenId', function name(this: EngineToken) {
    refuseEmptyAudience(this)
    return accessTokenId(this, () => newHandle('ClientCredentials', undefined))
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

/**
 * The engine keeps OpenID scopes out of a token that is for an API. Ours carry them where the API allows it (as the example
 * of RFC 9068 section 3 does), so that the one access token a client holds opens userinfo too, as far as it was granted.
 */
export function withOpenIdScopes(scope: string | undefined, grant: Grant, asked: unknown): string | undefined {
  const openId = grant.getOIDCScopeFiltered(new Set(typeof asked === 'string' ? asked.split(' ') : []))
  const all = new Set([...openId.split(' '), ...(scope ?? '').split(' ')].filter(Boolean))
  return all.size === 0 ? undefined : [...all].join(' ')
}

/** The engine answers with the refresh token it made up; where another request was first, the store says which it is. */
export function settleSuccessors(provider: Provider): void {
  const save = Reflect.get(provider.RefreshToken.prototype, 'save') as () => Promise<string>
  define(provider.RefreshToken, 'save', async function settle(this: InstanceType<typeof provider.RefreshToken>) {
    const made = await save.call(this)
    return requestScope().settledSuccessor ?? made
  })
}

/** A person's JWT most often comes back to the node that signed it, to open userinfo, so that node need not verify it. */
export function rememberOwnTokens(provider: Provider, accessTokens: Pick<AccessTokens, 'rememberOwn'>): void {
  const save = Reflect.get(provider.AccessToken.prototype, 'save') as () => Promise<string>
  define(provider.AccessToken, 'save', async function remember(this: EngineToken) {
    const made = await save.call(this)
    if (this.format === 'jwt') accessTokens.rememberOwn(made)
    return made
  })
}

/** The engine takes a DPoP proof that is dated ahead by this much, which is then good for this much longer. */
const PROOF_AHEAD_SECONDS = 300

interface ReplayParts {
  readonly store: Store
  readonly clock: Clock
  readonly strangers: StrangerRecords
}

/**
 * The engine looks an assertion or proof up and then stores it; here the store does both in one step. Of a proof it tells
 * how long one that is dated now is good; what is remembered for less than it is good can be replayed.
 */
export function decideReplaysInStore(provider: Provider, { store, clock, strangers }: ReplayParts): void {
  Reflect.set(provider.ReplayDetection, 'unique', function unique(iss: string, jti: string, exp: number) {
    const ttlSeconds = Math.max(1, Math.ceil(exp - epochSeconds(clock))) + PROOF_AHEAD_SECONDS
    const key = keys.hashed('replay', `${iss}\n${jti}`)
    return answering(async () => {
      const route = Provider.ctx?.oidc.route
      // Elsewhere a client, a code or a token was found good before.
      if (route === 'pushed_authorization_request') countStranger(strangers, key.length)
      // An assertion of a client that revokes.
      const ending = route === 'revocation'
      return (await store.put(key, '1', { ttlSeconds, ifAbsent: true, ending })) === 'stored'
    })
  })
}

type IdTokenClass = { validate(token: string, client: unknown): Promise<object> }

/**
 * The engine tells an ID token by issuer, audience and signature, which a logout token or an access token of ours may
 * have as well; those say in their type what they are, an ID token says nothing (RFC 8725 section 3.11).
 */
export function tellIdTokensByType(provider: Provider, { clock }: { clock: Clock }): void {
  const IdToken = provider.IdToken as unknown as IdTokenClass
  const validate = IdToken.validate.bind(IdToken)
  IdToken.validate = async function validateHint(token, client) {
    // As much as a verifier may allow: no logout is to fail because this node's clock is a little behind.
    const parts = readStrictly(token, { latestIssuedAt: epochSeconds(clock) + LARGEST_TOLERANCE_SECONDS })
    if (parts === undefined) throw new TypeError('the token can be read in two ways, or was issued in the future')
    const { typ = 'JWT' } = parts.header
    if (typeof typ !== 'string' || typ.toUpperCase() !== 'JWT')
      throw new TypeError('the token says that it is no ID token')
    return validate(token, client)
  }
}

function define(model: { prototype: object }, name: string, method: (...args: never[]) => unknown): void {
  Object.defineProperty(model.prototype, name, { value: method, configurable: true, writable: true })
}
