/**
 * A token that is seen for the first time: taken apart, and checked in the order of RFC 9068 section 4 as far as nothing
 * but the token and the issuer's keys decide.
 */

import { createSecretKey } from 'node:crypto'

import { errors } from 'jose'

import {
  type Claims,
  type Confirmation,
  checkAddress,
  checkLifetime,
  type Lifetime,
  readClaims,
  readConfirmation,
  readLifetime,
} from './claims.ts'
import { type JsonObject, readObject, readToken, splitCompact } from './compact.ts'
import { createKeyCache, type KeyCache, type KeyName } from '../issuer/key-cache.ts'
import type { Fetch } from '../issuer/metadata.ts'
import { Refusal, TokenInvalid } from '../refusals.ts'
import type { Revocable } from '../revocations/revocation-set.ts'
import { type Verification, verificationWithSecret } from './signature.ts'

/** The result for a token whose signature is valid. */
export interface KnownToken<Custom> {
  readonly claims: Claims<Custom>
  readonly lifetime: Lifetime
  readonly confirmation: Confirmation
  /** The names that a revocation can have. */
  readonly revocable: Revocable
  /** Of the keys by which it was verified; `undefined` when it is not to be remembered. */
  readonly generation: number | undefined
}

export interface FirstSight<Custom> {
  readonly keys: KeyCache
  /** Throws `TokenInvalid`, `TokenExpired` or `VerifierUnavailable`. */
  open(token: string): Promise<KnownToken<Custom>>
  /** The same for claims that the issuer itself has vouched for. */
  read(payload: JsonObject): KnownToken<Custom>
}

export interface FirstSightOptions<Custom> {
  readonly issuer: string
  readonly audience: string
  readonly algorithms: readonly string[]
  /** `JWT` as well as `at+jwt`. */
  readonly tokenType: 'at+jwt' | 'JWT' | undefined
  readonly secret: Uint8Array | undefined
  readonly toleranceSeconds: number
  readonly readCustom: (payload: JsonObject) => Custom
  /** Epoch milliseconds. */
  readonly clock: () => number
  readonly fetch: Fetch
}

export function createFirstSight<Custom>(options: FirstSightOptions<Custom>): FirstSight<Custom> {
  const { secret, toleranceSeconds, readCustom, clock } = options
  const keys = secret === undefined ? createKeyCache(options) : keyFromSecret(secret)
  const headers = createHeaderMemory(options)

  function read(payload: JsonObject, kid: string | undefined, generation: number | undefined): KnownToken<Custom> {
    const lifetime = readLifetime(payload)
    checkLifetime(lifetime, Math.floor(clock() / 1000), toleranceSeconds)
    const { jti, gid, sid, sub, client_id, iat } = payload
    return {
      lifetime,
      confirmation: readConfirmation(payload),
      claims: readClaims(payload, readCustom),
      revocable: { jti, gid, sid, sub, client_id, iat, kid },
      generation,
    }
  }

  return {
    keys,

    read(payload) {
      return read(payload, undefined, undefined)
    },

    async open(token) {
      const parts = readToken(() => splitCompact(token))
      const name = headers.read(parts.header)
      const payload = readToken(() => readObject(parts.payload))
      checkAddress(payload, options)
      const isGenuine = (keys.isFresh() ? keys.found(name) : undefined) ?? (await findKey(keys, name))
      if (!isGenuine(parts.signed, parts.signature)) throw notGenuine('the signature is wrong')
      headers.remember(parts.header, name)
      // The issuer may have withdrawn the key while we waited for it: then it counts once, and not again.
      return read(payload, name.kid, keys.found(name) === isGenuine ? keys.generation : undefined)
    },
  }
}

/** Every token of one key has the same header, so it is read once. Only headers of good tokens are kept. */
function createHeaderMemory(expected: Expected) {
  const known = new Map<string, KeyName>()
  return {
    read(part: string): KeyName {
      return (
        known.get(part) ??
        checkHeader(
          readToken(() => readObject(part)),
          expected,
        )
      )
    },

    remember(part: string, name: KeyName): void {
      if (known.has(part)) return
      if (known.size >= MAX_HEADERS) known.clear()
      known.set(part, name)
    },
  }
}

const MAX_HEADERS = 100

/** Members by which a token would bring, or point to, its own key. */
const KEY_MEMBERS = ['jwk', 'jku', 'x5u', 'x5c']

type Expected = Pick<FirstSightOptions<unknown>, 'algorithms' | 'tokenType'>

// `application/` may be left out (RFC 7515 section 4.1.9).
const ACCESS_TOKEN_TYPES: readonly unknown[] = ['at+jwt', 'application/at+jwt']

function checkHeader(header: JsonObject, { algorithms, tokenType }: Expected): KeyName {
  const { typ, alg, kid } = header
  // A logout token ends here, and so does an ID token; with the type JWT that one ends where its claims are read.
  if (!ACCESS_TOKEN_TYPES.includes(typ) && !(tokenType === 'JWT' && typ === 'JWT')) {
    throw new TokenInvalid('This is not an access token (RFC 9068).', { detail: 'typ is not at+jwt' })
  }
  if (typeof alg !== 'string' || !algorithms.includes(alg)) {
    throw new TokenInvalid('The access token is signed with an algorithm that is not allowed here.')
  }
  // We understand no extension, so we must refuse every token that requires one (RFC 7515 section 4.1.11).
  if (header.crit !== undefined || header.b64 !== undefined) {
    throw new TokenInvalid('The access token requires an extension that this API does not know.')
  }
  if (kid !== undefined && typeof kid !== 'string') {
    throw new TokenInvalid('The access token is malformed.', { detail: 'kid is not a text' })
  }
  // Ignoring them would do (keys come from the issuer's JWKS only); a token that tries is not one of the issuer's.
  const brought = KEY_MEMBERS.find((member) => header[member] !== undefined)
  if (brought !== undefined) {
    throw new TokenInvalid('The access token brings its own key.', { detail: `header member ${brought}` })
  }
  return { alg, kid }
}

async function findKey(keys: KeyCache, name: KeyName): Promise<Verification> {
  try {
    return await keys.find(name)
  } catch (cause) {
    if (cause instanceof Refusal) throw cause
    // Whatever else stops a signature from being checked (no such key, a weak one, a broken one): it does not hold.
    throw notGenuine(cause instanceof errors.JOSEError ? cause.code : (cause as Error).message, cause)
  }
}

function notGenuine(detail: string, cause?: unknown): TokenInvalid {
  return new TokenInvalid('The signature of the access token does not hold.', { detail, cause })
}

function keyFromSecret(secret: Uint8Array): KeyCache {
  // A copy: the caller may wipe or reuse its buffer.
  const verification = verificationWithSecret(createSecretKey(secret))
  return {
    generation: 0,
    isFresh: () => true,
    found: () => verification,
    find: async () => verification,
    prepare: async () => undefined,
  }
}
