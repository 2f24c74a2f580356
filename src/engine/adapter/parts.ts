/** The parts that the adapters of all models share, and how long a record is kept. */

import type { Adapter } from 'oidc-provider'

import type { Revocation } from '../../revocation/revoke.ts'
import type { Audit } from '../../audit/audit.ts'
import type { Clock } from '../../base/clock.ts'
import type { Sealer } from '../../base/sealing.ts'
import type { Clients } from '../../clients/clients.ts'
import type { StrangerRecords } from '../../limits/stranger-records.ts'
import type { Store } from '../../store/store.ts'
import type { AccessTokenReader } from '../access-tokens/record-reader.ts'
import { CLOCK_TOLERANCE_SECONDS } from '../clock-tolerance.ts'

export interface AdapterParts {
  readonly store: Store
  readonly sealer: Sealer
  readonly clock: Clock
  readonly clients: Clients
  readonly revocation: Revocation
  readonly audit: Audit
  readonly strangers: StrangerRecords
  /** Reads JWT access tokens at userinfo, which the engine does for opaque ones alone. */
  readonly accessTokens: AccessTokenReader
  /** Resolves when tokens can be signed now; throws `SignerUnavailable`. */
  readonly canSign: () => Promise<void>
}

/** How long a record of the engine is kept. One without an end is refused: nothing grows for ever. */
export function keptSeconds(expiresIn: number | undefined): number {
  if (expiresIn === undefined) throw new TypeError('the engine stores a record without an end')
  return expiresIn + CLOCK_TOLERANCE_SECONDS
}

/** The engine's adapter interface; each model implements a part of it. */
export type ModelAdapter = Partial<Adapter>
