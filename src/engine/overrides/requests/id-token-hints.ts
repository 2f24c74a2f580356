/** Which JWTs are accepted as ID tokens of ours in a hint. */

import type { Provider } from 'oidc-provider'

import { type Clock, epochSeconds } from '../../../base/clock.ts'
import { LARGEST_TOLERANCE_SECONDS } from '../../../revocation/revocation-log.ts'
import { readStrictly } from '../../request/strict-jwt.ts'
import type { Override } from '../override.ts'

export const idTokenHints: Override<{ readonly clock: Clock }> = {
  members: ['IdToken.validate'],
  without: 'refuse',
  apply: tellIdTokensByType,
}

type IdTokenClass = { validate(token: string, client: unknown): Promise<object> }

/**
 * The engine recognises an ID token by issuer, audience and signature. A logout token or an access token of ours may
 * have the same. Those have a type in their header; an ID token has none (RFC 8725 section 3.11). An access token for
 * an API that requires the type JWT is recognised by its client_id, which no ID token has.
 */
function tellIdTokensByType(provider: Provider, { clock }: { clock: Clock }): void {
  const IdToken = provider.IdToken as unknown as IdTokenClass
  const validate = IdToken.validate.bind(IdToken)
  IdToken.validate = async function validateHint(token, client) {
    // As much as a verifier may allow: no logout is to fail because this node's clock is a little behind.
    const parts = readStrictly(token, { latestIssuedAt: epochSeconds(clock) + LARGEST_TOLERANCE_SECONDS })
    if (parts === undefined) throw new TypeError('the token can be read in two ways, or was issued in the future')
    const { typ = 'JWT' } = parts.header
    if (typeof typ !== 'string' || typ.toUpperCase() !== 'JWT')
      throw new TypeError('the token says that it is no ID token')
    if (parts.payload.client_id !== undefined) throw new TypeError('the token is an access token')
    return validate(token, client)
  }
}
