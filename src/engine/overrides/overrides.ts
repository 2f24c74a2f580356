/** Every member of oidc-provider that we replace, in the order in which they are put in place. */

import type { Provider } from 'oidc-provider'

import { clientSecrets } from './clients/client-secrets.ts'
import { grantTypes } from './requests/grant-types.ts'
import { idTokenClaims } from './tokens/id-token-claims.ts'
import { idTokenDates } from './dates/id-token-dates.ts'
import { idTokenHints } from './requests/id-token-hints.ts'
import { jwtAccessTokens } from './tokens/jwt-access-tokens.ts'
import { liveClients } from './clients/live-clients.ts'
import { modelDates } from './dates/model-dates.ts'
import { findMember, type Override } from './override.ts'
import { offlineAccess } from './requests/offline-access.ts'
import { ownTokens } from './tokens/own-tokens.ts'
import { payloads } from './tokens/payloads.ts'
import { presentedTokens } from './tokens/presented-token.ts'
import { refreshScopes } from './requests/refresh-scopes.ts'
import { refreshSuccessor } from './tokens/refresh-successor.ts'
import { refreshTokenDates } from './dates/refresh-token-dates.ts'
import { replays } from './requests/replays.ts'
import { requestObjects } from './requests/request-objects.ts'
import { resourceSpelling } from './requests/resource-spelling.ts'
import { responseModes } from './requests/response-modes.ts'
import { sessionDates } from './dates/session-dates.ts'
import { tokenIds } from './tokens/token-ids.ts'

/** Of two that replace one member, the later one calls the earlier: what it finds is what it wraps. */
const TABLE = {
  liveClients,
  clientSecrets,
  grantTypes,
  offlineAccess,
  refreshScopes,
  responseModes,
  tokenIds,
  refreshSuccessor,
  modelDates,
  sessionDates,
  refreshTokenDates,
  idTokenDates,
  idTokenClaims,
  payloads,
  jwtAccessTokens,
  ownTokens,
  presentedTokens,
  resourceSpelling,
  requestObjects,
  idTokenHints,
  replays,
} as const

type PartsOf<One> = One extends Override<infer Parts> ? Parts : never
type Intersection<Union> = (Union extends unknown ? (one: Union) => void : never) extends (one: infer All) => void
  ? All
  : never
/** What all of them together need. */
export type OverrideParts = Intersection<PartsOf<(typeof TABLE)[keyof typeof TABLE]>>

export const OVERRIDES: readonly (readonly [string, Override<OverrideParts>])[] = Object.entries(TABLE)

/**
 * Gives what was left to the engine because the installed one has no such member, one sentence each. Throws a `TypeError` that
 * names the member without which nothing may be served.
 */
export function applyOverrides(provider: Provider, parts: OverrideParts): string[] {
  return OVERRIDES.flatMap(([name, override]) => {
    const missing = override.members.filter((member) => findMember(provider, member) === undefined)
    if (missing.length === 0) override.apply(provider, parts)
    else if (override.without === 'refuse')
      throw new TypeError(`this oidc-provider has no ${missing.join(', ')}, which engine/overrides/ replaces (${name})`)
    return missing.map((member) => `${member}: missing, so ${name} is left to the engine`)
  })
}
