/**
 * The engine's storage, on top of ours.
 *
 * The engine reads a record, looks whether it was used, and marks it used in separate calls, ignoring what the last one
 * says. So only the adapter can decide a race, and it does so in one step of the store: each model's file says how.
 */

import type { Adapter } from 'oidc-provider'

import type { Consents } from '../../access/consents.ts'
import type { Revocation } from '../../access/revoke.ts'
import type { Accounts } from '../../accounts/accounts.ts'
import type { Audit } from '../../audit/audit.ts'
import type { Clock } from '../../base/clock.ts'
import type { Sealer } from '../../base/sealing.ts'
import type { Clients } from '../../clients/clients.ts'
import type { Store } from '../../store/store.ts'
import type { AccessTokenReader } from '../access-token-reader.ts'
import { answering } from '../engine-errors.ts'
import { isHandleModel } from '../handles.ts'
import { grantAdapter } from './grants.ts'
import { recordAdapter } from './records.ts'
import { sessionAdapter } from './sessions.ts'
import { tokenAdapter } from './tokens.ts'

export interface AdapterParts {
  readonly store: Store
  readonly sealer: Sealer
  readonly clock: Clock
  readonly clients: Clients
  readonly accounts: Accounts
  readonly consents: Consents
  readonly revocation: Revocation
  readonly audit: Audit
  /** Reads JWT access tokens at userinfo, which the engine does for opaque ones alone. */
  readonly accessTokens: AccessTokenReader
}

/** The engine judges expiry with this tolerance, so its records are kept this much longer (clock skew between nodes). */
export const CLOCK_TOLERANCE_SECONDS = 15

/** How long a record of the engine is kept. One without an end is refused: nothing grows for ever. */
export function keptSeconds(expiresIn: number | undefined): number {
  if (expiresIn === undefined) throw new TypeError('the engine stores a record without an end')
  return expiresIn + CLOCK_TOLERANCE_SECONDS
}

/** What the engine asks of an adapter; each model answers to a part of it. */
export type ModelAdapter = Partial<Adapter>

export function createAdapterFactory(parts: AdapterParts): (model: string) => Adapter {
  return function adapterFor(model) {
    return complete(model, adapterOf(model, parts))
  }
}

function adapterOf(model: string, parts: AdapterParts): ModelAdapter {
  if (isHandleModel(model)) return tokenAdapter(model, parts)
  switch (model) {
    case 'Grant':
      return grantAdapter(parts)
    case 'Session':
      return sessionAdapter(parts)
    case 'Interaction':
      return recordAdapter('interaction', parts)
    case 'PushedAuthorizationRequest':
      return recordAdapter('par', parts)
    case 'Client':
      // Clients are given to the engine when it is built; whoever is not among them is unknown.
      return { find: async () => undefined }
    default:
      return {}
  }
}

const METHODS = ['upsert', 'find', 'findByUserCode', 'findByUid', 'consume', 'destroy', 'revokeByGrantId'] as const

/** Translates faults, and refuses what a model has no use for: a feature switched on without storage must not pass. */
function complete(model: string, adapter: ModelAdapter): Adapter {
  const entries = METHODS.map((name) => {
    const method = adapter[name] as ((...args: unknown[]) => Promise<unknown>) | undefined
    return [name, (...args: unknown[]) => answering(async () => (method ?? refuse)(...args))] as const

    function refuse(): never {
      throw new TypeError(`the adapter has no ${name} for ${model}`)
    }
  })
  return Object.fromEntries(entries) as unknown as Adapter
}
