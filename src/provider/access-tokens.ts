/**
 * JWT access tokens of our own, verified where they come back to us.
 *
 * The checks are those of a resource server (RFC 9068 section 4), with the keys of this engine's ring, for every API that
 * we know and for ourselves. A token that the revocation log covers is none.
 */

import { createPublicKey, createSecretKey } from 'node:crypto'

import type { RevocationLog } from '../access/revocation-log.ts'
import type { Apis } from '../apis/apis.ts'
import { type Clock, epochSeconds } from '../base/clock.ts'
import type { Clients } from '../clients/clients.ts'
import type { ApiSettings } from '../config/config.ts'
import type { Keyring } from '../keyring/keyring.ts'
import type { KeyJwk } from '../keyring/signing-key.ts'
import { type JsonObject, Malformed, readObject, splitCompact } from '../resource/compact.ts'
import { type Verification, verificationWith, verificationWithSecret } from '../resource/signature.ts'
import { CLOCK_TOLERANCE_SECONDS } from './adapter/parts.ts'
import { createVerifiedTokens, type VerifiedToken } from './verified-tokens.ts'

/** What a token of ours says, by its names on the wire. */
export interface AccessTokenClaims {
  readonly iss: string
  readonly aud: string
  readonly sub: string
  readonly client_id: string
  readonly jti: string
  readonly iat: number
  readonly exp: number
  readonly scope?: string
  /** The grant; a machine's token has none. */
  readonly gid?: string
  /** The browser session with which the token ends. */
  readonly sid?: string
  /** The key without whose proof the token is worth nothing (RFC 9449 section 6.1, RFC 8705 section 3.1). */
  readonly cnf?: { readonly jkt?: string; readonly 'x5t#S256'?: string }
}

export interface AccessTokens {
  /** The claims of a good token that nothing has revoked; `undefined` for anything else, and as cheaply as can be. */
  verify(token: string): Promise<AccessTokenClaims | undefined>
  /** Told of every JWT that is issued here: its signature need not be checked when it comes. */
  rememberOwn(token: string): void
}

export interface AccessTokenParts {
  readonly issuer: string
  readonly apis: Apis
  readonly clients: Clients
  readonly keyring: Keyring
  readonly clock: Clock
  readonly revocationLog: Pick<RevocationLog, 'covers'>
}

interface Key {
  readonly alg: string
  readonly isGenuine: Verification
}

export function createAccessTokens(parts: AccessTokenParts): AccessTokens {
  const { issuer, apis, clients, keyring, clock, revocationLog } = parts
  const keysById = new Map(keyring.jwks.map((jwk) => [jwk.kid, keyOf(jwk)]))
  const keysByAudience = new Map(apis.listApis().flatMap(secretOf))
  const verified = createVerifiedTokens({ clock })

  return {
    async verify(token) {
      const known = verified.find(token) ?? check(token)
      if (known === undefined || revocationLog.covers({ ...known.claims, kid: known.keyId })) return undefined
      return known.claims
    },

    rememberOwn: (token) => verified.rememberOwn(token),
  }

  function check(token: string): VerifiedToken | undefined {
    try {
      const { header: first, payload: second, signed, signature } = splitCompact(token)
      const [header, payload] = [readObject(first), readObject(second)]
      const key = keyFor(header, payload)
      if (key === undefined || !isOurs(payload)) return undefined
      if (!verified.isOwn(token) && !key.isGenuine(signed, signature)) return undefined
      const known = { claims: Object.freeze(payload), keyId: header.kid as string | undefined }
      verified.remember(token, known)
      return known
    } catch (error) {
      if (error instanceof Malformed) return undefined
      throw error
    }
  }

  /** The key that must have signed it; `undefined` when its header alone shows that it is no token of ours. */
  function keyFor(header: JsonObject, { aud }: JsonObject): Key | undefined {
    if (header.typ !== 'at+jwt' || Object.keys(header).some((member) => !MEMBERS.has(member))) return undefined
    // A shared secret verifies only the tokens of the API it is shared with, and they no other (RFC 8725 section 3.1).
    const shared = keysByAudience.get(aud as string)
    if (shared !== undefined) return header.alg === shared.alg && header.kid === undefined ? shared : undefined
    const key = keysById.get(header.kid as string)
    return key?.alg === header.alg ? key : undefined
  }

  function isOurs(payload: JsonObject): payload is JsonObject & AccessTokenClaims {
    const { iss, aud, sub, client_id: clientId, jti } = payload
    if (iss !== issuer || (aud !== issuer && apis.findApi(aud as string) === undefined)) return false
    if (![aud, sub, clientId, jti].every(isText) || clients.findClient(clientId as string) === undefined) return false
    return (
      isTimely(payload) && ['scope', 'gid', 'sid'].every((name) => isTextOrAbsent(payload[name])) && isBound(payload)
    )
  }

  /** Ours say from when to when they live by `iat` and `exp` alone. */
  function isTimely({ iat, exp, nbf }: JsonObject): boolean {
    if (!Number.isSafeInteger(iat) || !Number.isSafeInteger(exp) || (iat as number) < 0 || nbf !== undefined)
      return false
    const now = epochSeconds(clock)
    return (exp as number) > now && (iat as number) <= now + CLOCK_TOLERANCE_SECONDS
  }
}

/** What stands in the header of a token of ours; one with more is another's (no key of its own, no `crit`). */
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

function keyOf(jwk: KeyJwk): Key {
  return { alg: jwk.alg, isGenuine: verificationWith(createPublicKey({ key: { ...jwk }, format: 'jwk' }), jwk.alg) }
}

function secretOf({ audience, algorithm, secret }: ApiSettings): [string, Key][] {
  if (algorithm !== 'HS256' || secret === undefined) return []
  return [[audience, { alg: algorithm, isGenuine: verificationWithSecret(createSecretKey(secret)) }]]
}
