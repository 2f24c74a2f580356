/**
 * Verifies our own JWT access tokens when they are presented to this server.
 *
 * The checks are those of a resource server (RFC 9068 section 4), with the keys of this engine's ring, for every
 * registered API and for the issuer itself. A token that the revocation log covers is invalid. To end a token only its
 * signature is checked: whether it is expired, or not valid yet, depends on a clock, and this node's clock may be
 * wrong.
 */

import { createPublicKey, createSecretKey } from 'node:crypto'

import type { RevocationLog } from '../../revocation/revocation-log.ts'
import { LARGEST_CLOCK_DIFFERENCE_SECONDS } from '../../revocation/revocation-log.ts'
import type { Apis } from '../../apis/apis.ts'
import { type Clock, epochSeconds } from '../../base/clock.ts'
import type { Clients } from '../../clients/clients.ts'
import type { ApiSettings } from '../../registry/api/api.ts'
import type { ClientSettings } from '../../registry/client/client.ts'
import type { Keyring } from '../../keyring/keyring.ts'
import type { PublicJwk } from '../../keyring/signing-key.ts'
import { type JsonObject, Malformed, readObject, splitCompact } from '../../resource/token/compact.ts'
import { type Verification, verificationWith, verificationWithSecret } from '../../resource/token/signature.ts'
import { CLOCK_TOLERANCE_SECONDS } from '../clock-tolerance.ts'
import type { AccessTokenClaims, TokenUse } from './claims.ts'
import { createVerifiedTokens, type VerifiedToken } from './verified-tokens.ts'

export interface AccessTokens {
  /**
   * The claims of a token that is valid for this use and not revoked; `undefined` for anything else, at little cost.
   */
  verify(token: string, use: TokenUse): Promise<AccessTokenClaims | undefined>
  /** Whether the API of this token could have signed it as well as we. */
  isShared(claims: AccessTokenClaims): boolean
  /** Whether a token with these audiences may open /userinfo; one for userinfo alone has none. */
  opensUserinfo(aud: AccessTokenClaims['aud'] | undefined): boolean
  /** Called with every JWT that is issued here, so that its signature need not be checked when it is presented. */
  rememberOwn(token: string): void
}

export interface AccessTokenParts {
  readonly issuer: string
  readonly apis: Apis
  readonly clients: Clients
  readonly keyring: Keyring
  readonly clock: Clock
  readonly revocationLog: Pick<RevocationLog, 'covers' | 'settled'>
}

interface Key {
  readonly alg: string
  /** Whether the API has it as well. */
  readonly isShared: boolean
  readonly isGenuine: Verification
}

export function createAccessTokens(parts: AccessTokenParts): AccessTokens {
  const { issuer, apis, clients, keyring, clock, revocationLog } = parts
  const keysById = new Map(keyring.publicJwks.map((jwk) => [jwk.kid, keyOf(jwk)]))
  // As long as the API is held: one whose secret changes is another object.
  const keysOfApis = new WeakMap<ApiSettings, Key>()
  const verified = createVerifiedTokens({ clock })

  return {
    async verify(token, use) {
      const known = use === 'revocation' ? check(token, use) : (verified.find(token) ?? check(token, use))
      if (known === undefined || !isGoodFor(known, use) || !(await isStillOurs(known))) return undefined
      if (!revocationLog.covers({ ...known.claims, kid: known.keyId })) return known.claims
      // The answer to a revocation acknowledges the ending that was found, which may not be confirmed yet.
      if (use === 'revocation') await revocationLog.settled()
      return undefined
    },

    opensUserinfo,
    isShared: ({ aud }) => sharedKey(apiIn(aud)) !== undefined,

    rememberOwn: (token) => verified.rememberOwn(token),
  }

  function check(token: string, use: TokenUse): VerifiedToken | undefined {
    try {
      const { header: first, payload: second, signed, signature } = splitCompact(token)
      const [header, payload] = [readObject(first), readObject(second)]
      const key = keyFor(header, payload, use)
      if (key === undefined || !isOurs(payload) || !(isTimely(payload) || use === 'revocation')) return undefined
      if (!verified.isOwn(token) && !key.isGenuine(signed, signature)) return undefined
      const known = { claims: Object.freeze(payload), keyId: header.kid as string | undefined, isShared: key.isShared }
      // A secret may change. A key of the ring lasts as long as this engine.
      if (use !== 'revocation' && !key.isShared) verified.remember(token, known)
      return known
    } catch (error) {
      if (error instanceof Malformed) return undefined
      throw error
    }
  }

  /**
   * Whether the client and the API of a genuine token are there, as they are now. After the signature, so that a forged
   * token costs the store nothing. Throws `StoreUnavailable` for a client that this server does not hold.
   */
  async function isStillOurs({ claims, isShared }: VerifiedToken): Promise<boolean> {
    const { client_id: clientId, aud } = claims
    if (!isAudience(aud) || (sharedKey(apiIn(aud)) !== undefined) !== isShared) return false
    const client = clients.heldClient(clientId) ?? (await clients.findClient(clientId))
    return client !== undefined && (!isShared || isWithinItsApi(claims, client))
  }

  function sharedKey(audience: string): Key | undefined {
    const api = apis.findApi(audience)
    if (api?.algorithm !== 'HS256' || api.secret === undefined) return undefined
    const key = keysOfApis.get(api) ?? keyWith(api.secret)
    keysOfApis.set(api, key)
    return key
  }

  /**
   * An API that shares a secret with us can sign with it. Such a token is valid at that API alone; no endpoint of ours
   * accepts it.
   */
  function isGoodFor({ claims: { aud, iat, exp }, isShared }: VerifiedToken, use: TokenUse): boolean {
    switch (use) {
      case 'userinfo':
        return !isShared
      case 'own_api':
        return !isShared && aud === issuer
      case 'introspection':
        return true
      case 'revocation':
        // This clock may be wrong by so much: what any other node may take for live can be ended.
        return isTimely({ iat, exp }, LARGEST_CLOCK_DIFFERENCE_SECONDS, LARGEST_CLOCK_DIFFERENCE_SECONDS)
    }
  }

  /** An API may have had this taken away since the token was issued. */
  function opensUserinfo(aud: AccessTokenClaims['aud'] | undefined): boolean {
    if (aud === undefined || aud === issuer) return true
    return aud.includes(issuer) && typeof aud !== 'string' && apis.opensUserinfo(apiIn(aud))
  }

  /** The key that must have signed it; `undefined` when its header alone shows that it is no token of ours. */
  function keyFor(header: JsonObject, { aud }: JsonObject, use: TokenUse): Key | undefined {
    if (!isTypeOf(header.typ, aud, use) || Object.keys(header).some((member) => !MEMBERS.has(member))) return undefined
    // A shared secret verifies only the tokens of the API it is shared with, and they no other (RFC 8725 section 3.1).
    const shared = sharedKey(aud as string)
    if (shared !== undefined) return header.alg === shared.alg && header.kid === undefined ? shared : undefined
    const key = keysById.get(header.kid as string)
    return key?.alg === header.alg ? key : undefined
  }

  /**
   * An API may have its tokens called `JWT`, as an ID token is; that has no client_id and no jti (isOurs). A token that was
   * issued before its API changed the type can still be ended.
   */
  function isTypeOf(typ: unknown, aud: unknown, use: TokenUse): boolean {
    if (typ === 'at+jwt') return true
    const api = apis.findApi([aud].flat()[0] as string)
    return typ === 'JWT' && api !== undefined && (api.tokenType === 'JWT' || use === 'revocation')
  }

  function isOurs(payload: JsonObject): payload is JsonObject & AccessTokenClaims {
    const { iss, aud, sub, client_id: clientId, jti } = payload
    if (iss !== issuer || !isAudience(aud)) return false
    if (![sub, clientId, jti].every(isText)) return false
    return (
      isDated(payload) && ['scope', 'gid', 'sid'].every((name) => isTextOrAbsent(payload[name])) && isBound(payload)
    )
  }

  /** The audience of a token: an API of ours, followed by the issuer when the token may be used at /userinfo. */
  function isAudience(aud: unknown): aud is AccessTokenClaims['aud'] {
    if (!Array.isArray(aud)) return aud === issuer || isApi(aud)
    const [audience, also] = aud as unknown[]
    return (
      aud.length === 2 && also === issuer && audience !== issuer && isApi(audience) && sharedKey(audience) === undefined
    )
  }

  function isApi(audience: unknown): audience is string {
    return isText(audience) && apis.findApi(audience) !== undefined
  }

  /** Ours say from when to when they live by `iat` and `exp` alone. */
  function isDated({ iat, exp, nbf }: JsonObject): boolean {
    return Number.isSafeInteger(iat) && Number.isSafeInteger(exp) && (iat as number) >= 0 && nbf === undefined
  }

  function isTimely({ iat, exp }: Pick<AccessTokenClaims, 'iat' | 'exp'>, early = CLOCK_TOLERANCE_SECONDS, late = 0) {
    const now = epochSeconds(clock)
    return exp > now - late && iat <= now + early
  }

  /** No more than we would have put into a token that we signed with this secret for this client. */
  function isWithinItsApi(claims: AccessTokenClaims, client: ClientSettings): boolean {
    const { aud, iat, exp, scope, sub, gid } = claims
    const audience = apiIn(aud)
    const seconds = exp - iat
    if (seconds <= 0 || seconds > (apis.findApi(audience)?.accessTokenSeconds ?? 0)) return false
    const allowed = client.apis[audience]
    if (allowed === undefined || (gid === undefined && sub !== client.clientId)) return false
    return (scope?.split(' ') ?? []).every((one) => allowed.includes(one))
  }
}

/** The API that a token is for. The audience may have the issuer as well. */
export function apiIn(aud: AccessTokenClaims['aud']): string {
  return typeof aud === 'string' ? aud : (aud[0] as string)
}

/** The header of a token of ours. A token with another member was made elsewhere (no key in the header, no `crit`). */
const MEMBERS = new Set(['typ', 'alg', 'kid'])

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isTextOrAbsent(value: unknown): boolean {
  return value === undefined || isText(value)
}

/** A binding that is not understood would be none. */
function isBound({ cnf }: JsonObject): boolean {
  if (cnf === undefined) return true
  if (typeof cnf !== 'object' || cnf === null) return false
  const ways = Object.entries(cnf)
  return ways.length === 1 && ways.every(([name, value]) => ['jkt', 'x5t#S256'].includes(name) && isText(value))
}

function keyOf(jwk: PublicJwk): Key {
  return {
    alg: jwk.alg,
    isShared: false,
    isGenuine: verificationWith(createPublicKey({ key: { ...jwk }, format: 'jwk' }), jwk.alg),
  }
}

function keyWith(secret: Uint8Array): Key {
  return { alg: 'HS256', isShared: true, isGenuine: verificationWithSecret(createSecretKey(secret)) }
}
