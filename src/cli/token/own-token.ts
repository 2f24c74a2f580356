/** Whether a JWT is an access token of this server, judged without an engine. */

import { createAccessTokens } from '../../engine/port.ts'
import type { Domain } from '../domain.ts'

type Claims = Awaited<ReturnType<ReturnType<typeof createAccessTokens>['verify']>>
type Use = Parameters<ReturnType<typeof createAccessTokens>['verify']>[1]

const NOTHING_REVOKED = { covers: () => false, settled: async () => undefined }

/**
 * The claims of a token that is valid for this use; `undefined` for any other. A revoked token counts as valid here.
 */
export function verifyOwn(domain: Domain, token: string, use: Use): Promise<Claims> {
  return verifyWith(domain, NOTHING_REVOKED, token, use)
}

/** As `verifyOwn`; a revoked token counts as any other. */
export function verifyLive(domain: Domain, token: string, use: Use): Promise<Claims> {
  return verifyWith(domain, domain.revocationLog, token, use)
}

function verifyWith(
  domain: Domain,
  revocationLog: typeof NOTHING_REVOKED | Domain['revocationLog'],
  token: string,
  use: Use,
): Promise<Claims> {
  const { config, keyring } = domain
  const parts = { ...domain, issuer: config.issuer, keyring: keyring.current(), revocationLog }
  return createAccessTokens(parts).verify(token, use)
}
