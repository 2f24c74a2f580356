/** Access tokens as the server makes them (RFC 9068), signed with the key it signs with now. */

import { importJWK, type JWTHeaderParameters, SignJWT } from 'jose'

import { type Clock, epochSeconds } from '../base/clock.ts'
import { randomId } from '../base/ids.ts'
import type { Keyring } from '../keyring/keyring-version.ts'
import type { PrivateJwk } from '../keyring/signing-key.ts'
import type { DpopKey } from './dpop-key.ts'

/** The claims of a token; each has a plain default. */
export interface TokenWishes {
  /** The API it is for; default the `audience` that the issuer was started with. */
  readonly audience?: string
  /** Default none. */
  readonly scopes?: readonly string[]
  /** The person; default `person-1`. The same as `clientId` for a machine that calls for itself. */
  readonly subject?: string
  /** The application that calls; default `app-1`. */
  readonly clientId?: string
  /** Default 600. */
  readonly lifetimeSeconds?: number
  /** RS256, ES256 or EdDSA; default ES256. */
  readonly algorithm?: 'RS256' | 'ES256' | 'EdDSA'
  /** How the person signed in (OpenID Connect Core section 2), for routes that ask for more (RFC 9470). */
  readonly acr?: string
  /** When the person signed in, in epoch seconds. */
  readonly authTime?: number
  /** The grant it belongs to; a new one unless set. */
  readonly grantId?: string
  /** The browser session it ends with; default none. */
  readonly sessionId?: string
  /** Binds the token to the key (RFC 9449). */
  readonly dpop?: Pick<DpopKey, 'thumbprint'>
  /** Binds the token to a client certificate by its `x5t#S256` (RFC 8705 section 3.1). */
  readonly certificateThumbprint?: string
  /** Claims to add, or to replace; `undefined` takes one out. */
  readonly claims?: Readonly<Record<string, unknown>>
}

/** What tokens are made of. */
export interface Mint {
  readonly issuer: string
  readonly audience: string
  readonly clock: Clock
  readonly ring: () => Keyring
}

/** The key that the server signs with now. Throws a `TypeError` when its ring has none for the algorithm. */
export function signingKey(mint: Mint, { algorithm = 'ES256' }: TokenWishes): PrivateJwk {
  // Ordered: signing, next, retired.
  const key = mint.ring().signingJwks.find(({ alg }) => alg === algorithm)
  if (key === undefined || 'keyRef' in key) throw new TypeError(`this issuer does not sign with ${algorithm}`)
  return key
}

export function payloadOf({ issuer, audience, clock }: Mint, wishes: TokenWishes): Record<string, unknown> {
  const now = epochSeconds(clock)
  const { clientId = 'app-1', subject = 'person-1', scopes = [], lifetimeSeconds = 600 } = wishes
  const confirmation = {
    ...(wishes.dpop && { jkt: wishes.dpop.thumbprint }),
    ...(wishes.certificateThumbprint && { 'x5t#S256': wishes.certificateThumbprint }),
  }
  return {
    iss: issuer,
    aud: wishes.audience ?? audience,
    sub: subject,
    client_id: clientId,
    jti: randomId(),
    iat: now,
    exp: now + lifetimeSeconds,
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    // A client credentials token has no grant.
    ...(subject !== clientId && { gid: wishes.grantId ?? randomId() }),
    ...(wishes.sessionId && { sid: wishes.sessionId }),
    ...(wishes.acr && { acr: wishes.acr }),
    ...(wishes.authTime && { auth_time: wishes.authTime }),
    ...(Object.keys(confirmation).length > 0 && { cnf: confirmation }),
    ...wishes.claims,
  }
}

export async function signToken(
  payload: Record<string, unknown>,
  key: PrivateJwk,
  header: Partial<JWTHeaderParameters> = {},
): Promise<string> {
  return new SignJWT(payload)
    .setProtectedHeader({ typ: 'at+jwt', alg: key.alg, kid: key.kid, ...header })
    .sign(await importJWK(key, key.alg))
}
