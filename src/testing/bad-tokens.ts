/** Access tokens that an API has to refuse, each wrong in one way only. */

import { createHmac, createPublicKey, type KeyObject } from 'node:crypto'

import { generatePrivateJwk, type PrivateJwk } from '../keyring/signing-key.ts'
import { type Mint, payloadOf, signingKey, signToken, type TokenWishes } from './tokens.ts'

/**
 * The defect of a token. Only an API that follows the revocation feed can refuse `revoked`.
 *
 * - `expired`: an hour ago · `not_yet_valid`: for an hour
 * - `wrong_audience`: for another API · `wrong_issuer`: of another issuer, signed with the right key
 * - `wrong_key`: signed with another key under the name of the right one · `unknown_key`: with a key that is not
 *   published
 * - `own_key`: with a key in its own header · `alg_none`: not signed · `hmac_public_key`: the public key used as a
 *   secret
 * - `tampered`: a scope added after signing · `id_token`: of the right issuer, but no access token
 * - `revoked`: was valid until it was revoked
 */
export type BadToken = keyof typeof MAKERS | 'revoked'

type Make = (mint: Mint, wishes: TokenWishes) => Promise<string> | string

const HOUR = 3600

const MAKERS = {
  expired: (mint, wishes) => withTimes(mint, wishes, -2 * HOUR, -HOUR),
  not_yet_valid: (mint, wishes) => withTimes(mint, wishes, HOUR, 2 * HOUR),
  wrong_audience: (mint, wishes) => withClaims(mint, wishes, { aud: 'https://another-api.example' }),
  wrong_issuer: (mint, wishes) => withClaims(mint, wishes, { iss: 'https://another-issuer.example' }),

  async wrong_key(mint, wishes) {
    const { kid, alg } = signingKey(mint, wishes)
    return signToken(payloadOf(mint, wishes), { ...(await generatePrivateJwk(alg)), kid })
  },

  async unknown_key(mint, wishes) {
    return signToken(payloadOf(mint, wishes), await generatePrivateJwk(signingKey(mint, wishes).alg))
  },

  async own_key(mint, wishes) {
    const key = await generatePrivateJwk(signingKey(mint, wishes).alg)
    return signToken(payloadOf(mint, wishes), key, { jwk: publicPart(key).export({ format: 'jwk' }) })
  },

  alg_none(mint, wishes) {
    return `${encoded({ typ: 'at+jwt', alg: 'none' })}.${encoded(payloadOf(mint, wishes))}.`
  },

  hmac_public_key(mint, wishes) {
    const key = signingKey(mint, wishes)
    const secret = publicPart(key).export({ type: 'spki', format: 'pem' })
    const input = `${encoded({ typ: 'at+jwt', alg: 'HS256', kid: key.kid })}.${encoded(payloadOf(mint, wishes))}`
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  },

  async tampered(mint, wishes) {
    const payload = payloadOf(mint, wishes)
    const scope = [...(wishes.scopes ?? []), 'everything'].join(' ')
    const [header = '', , signature = ''] = (await signToken(payload, signingKey(mint, wishes))).split('.')
    return `${header}.${encoded({ ...payload, scope })}.${signature}`
  },

  async id_token(mint, wishes) {
    const payload = payloadOf(mint, wishes)
    // For the API too, so that an API which looks at `aud` alone lets it in.
    const claims = { ...payload, aud: [payload.client_id, payload.aud], auth_time: payload.iat }
    return signToken(claims, signingKey(mint, wishes), { typ: 'JWT' })
  },
} as const satisfies Record<string, Make>

/** Every kind, to run a test for each. */
export const BAD_TOKENS = [...Object.keys(MAKERS), 'revoked'] as readonly BadToken[]

/** `revoked` is left to who can revoke. Throws a `TypeError` for a kind that there is not. */
export async function mintBadToken(kind: Exclude<BadToken, 'revoked'>, mint: Mint, wishes: TokenWishes) {
  if (!Object.hasOwn(MAKERS, kind)) throw new TypeError(`there is no bad token "${kind}"`)
  return MAKERS[kind](mint, wishes)
}

function withTimes(mint: Mint, wishes: TokenWishes, issuedIn: number, expiresIn: number): Promise<string> {
  const now = payloadOf(mint, wishes).iat as number
  return withClaims(mint, wishes, { iat: now + issuedIn, nbf: now + issuedIn, exp: now + expiresIn })
}

function withClaims(mint: Mint, wishes: TokenWishes, claims: Record<string, unknown>): Promise<string> {
  return signToken({ ...payloadOf(mint, wishes), ...claims }, signingKey(mint, wishes))
}

function publicPart(key: PrivateJwk): KeyObject {
  return createPublicKey({ key: { ...key }, format: 'jwk' })
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
