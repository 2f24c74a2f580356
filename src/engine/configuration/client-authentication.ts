/** How clients prove who they are: nothing (public), a secret, or an assertion signed with their own key. */

import { type Configuration, errors } from 'oidc-provider'

import { type Clock, epochSeconds } from '../../base/clock.ts'
import { CLOCK_TOLERANCE_SECONDS } from '../clock-tolerance.ts'
import { ENGINE_PATHS } from '../paths.ts'
import { settingsOf } from '../request/client-settings.ts'
import { readStrictly } from '../request/strict-jwt.ts'

// An assertion is remembered until it expires, to be used once; the bound keeps that memory small.
const LONGEST_ASSERTION_SECONDS = 600

// A JWT that a client signs for another purpose has another type (RFC 8725 section 3.11). A plain JWT has no other
// purpose.
const ASSERTION_TYPES = new Set(['jwt', 'client-authentication+jwt', 'application/client-authentication+jwt'])

export function clientAuthentication({ issuer, clock }: { issuer: string; clock: Clock }): Partial<Configuration> {
  return {
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],

    async assertJwtClientAuthClaimsAndHeader(ctx, claims, header, client) {
      const latestIssuedAt = epochSeconds(clock) + CLOCK_TOLERANCE_SECONDS
      if (readStrictly(ctx.oidc.params?.client_assertion, { latestIssuedAt }) === undefined) {
        throw new errors.InvalidClientAuth('the assertion can be read in two ways, or was issued in the future')
      }
      const { typ = 'jwt' } = header
      if (typeof typ !== 'string' || !ASSERTION_TYPES.has(typ.toLowerCase())) {
        throw new errors.InvalidClientAuth('type (typ) must be that of a client assertion')
      }
      // An assertion for anything but this issuer may have been meant for another server, whose endpoint URL the client
      // was given by an attacker (draft-ietf-oauth-rfc7523bis section 4). Older clients know no other audience than that URL.
      const takesEndpoint = settingsOf(client).assertionAudience === 'token_endpoint'
      if (claims.aud !== issuer && !(takesEndpoint && isOneOf(claims.aud, [issuer, issuer + ENGINE_PATHS.token]))) {
        throw new errors.InvalidClientAuth('audience (aud) must be the issuer identifier, as a string')
      }
      // The engine goes by the system's clock.
      if (Number(claims.exp) <= epochSeconds(clock) - CLOCK_TOLERANCE_SECONDS) {
        throw new errors.InvalidClientAuth('the assertion has expired')
      }
      if (Number(claims.exp) - epochSeconds(clock) > LONGEST_ASSERTION_SECONDS) {
        throw new errors.InvalidClientAuth(`expiration (exp) must be at most ${LONGEST_ASSERTION_SECONDS} s away`)
      }
    },
  }
}

function isOneOf(aud: unknown, ours: readonly string[]): boolean {
  const named = [aud].flat()
  return named.length > 0 && named.every((one) => typeof one === 'string' && ours.includes(one))
}
