/**
 * The engine's storage, on top of our store.
 *
 * The engine reads a record, checks whether it was used, and marks it as used in separate calls, and it ignores the
 * result of the last one. So only the adapter can decide a race. It does so in one step of the store; each model's file
 * says how.
 */

import type { Adapter } from 'oidc-provider'

import { answering } from '../request/errors.ts'
import { isHandleModel } from './handles.ts'
import { grantAdapter } from './grants.ts'
import type { AdapterParts, ModelAdapter } from './parts.ts'
import { recordAdapter } from './records.ts'
import { sessionAdapter } from './sessions.ts'
import { tokenAdapter } from './tokens.ts'

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
      // The engine finds clients in the registry (overrides/clients/live-clients.ts).
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
    return [name, (...args: unknown[]) => answering(() => (method ?? refuse)(...args))] as const

    function refuse(): never {
      throw new TypeError(`the adapter has no ${name} for ${model}`)
    }
  })
  return Object.fromEntries(entries) as unknown as Adapter
}
