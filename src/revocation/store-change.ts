/**
 * Runs before a server serves on a store that differs from what the server remembers. It ends what the store cannot
 * know of, so that nothing that was ended becomes valid again.
 */

import type { Audit } from '../audit/audit.ts'
import type { LiveKeyring } from '../keyring/keyring.ts'
import { raiseEpoch } from '../store/identity/identity.ts'
import { keys } from '../store/keys.ts'
import type { StoreChange } from '../store/identity/store-loss.ts'
import type { Store } from '../store/store.ts'
import type { Revocation } from './revoke.ts'

export interface ChangeParts {
  readonly store: Store
  readonly revocation: Pick<Revocation, 'endEverything' | 'hasEnded'>
  readonly audit: Audit
  readonly keyring: Pick<LiveKeyring, 'current' | 'compromise'>
  /** The keys that the ring had when this server last saw it; empty where it does not remember. */
  readonly knownKeyIds: readonly string[]
}

/** Ends first and raises the epoch second: interrupted in between, the next server does both again. */
export async function settleChange(change: StoreChange | undefined, parts: ChangeParts): Promise<void> {
  const { store, revocation, audit } = parts
  if (change === undefined) return
  if (change.kind === 'replaced') {
    if (revocation.hasEnded({ issuedAt: change.before - 1 })) return
    await revocation.endEverything(change.before, 'store_replaced')
    audit.record('store.replaced')
    return
  }
  await takeOutGoneKeys(parts)
  await revocation.endEverything(undefined, 'store_set_back')
  await raiseEpoch(store, change.id, change.epoch)
  await store.put(keys.copied(), '', { ttlSeconds: 0 })
  audit.record('store.set_back')
}

/** A key that a ring has after it was set back, and had not before, was taken out in between: perhaps because it leaked. */
async function takeOutGoneKeys({ keyring, knownKeyIds }: ChangeParts): Promise<void> {
  if (knownKeyIds.length === 0) return
  const gone = keyring.current().keys.filter(({ keyId }) => !knownKeyIds.includes(keyId))
  for (const { keyId } of gone) await keyring.compromise(keyId)
}
