/**
 * The ring in the store: one record sealed under the root key, with a canary sealed the same way.
 *
 * A node that cannot open the canary has another root key. It must not start or change anything. During a replacement
 * of the root key a node has two root keys and opens the ring with either.
 */

import { RootKeyWrong, SealBroken } from '../../faults/keyring.ts'
import { createSealer, type Sealer } from '../../base/sealing.ts'
import { keys } from '../../store/keys.ts'
import type { Ring } from './ring.ts'

const RING = keys.keyring()
const CANARY = `${RING} canary`

interface StoredRing {
  readonly canary: string
  readonly ring: string
}

export interface OpenedRing {
  readonly ring: Ring
  /** Names the root key that opened it. Not a secret. */
  readonly rootKeyId: string
}

export function sealRing(ring: Ring, rootKey: Uint8Array): string {
  const sealer = ringSealer(rootKey)
  const stored: StoredRing = { canary: sealer.seal('canary', CANARY), ring: sealer.seal(JSON.stringify(ring), RING) }
  return JSON.stringify(stored)
}

/** Throws `RootKeyWrong` when no root key opens the canary, `SealBroken` when the ring was altered. */
export function openRing(value: string, rootKeys: readonly Uint8Array[]): OpenedRing {
  const stored = JSON.parse(value) as StoredRing
  const sealers = rootKeys.map(ringSealer)
  const sealer = sealers.find((one) => opens(one, stored.canary))
  if (sealer === undefined) {
    const held = sealers.map(({ keyId }) => keyId).join(', ')
    throw new RootKeyWrong({ detail: `sealed under root key ${sealedUnder(value)}, this node holds ${held}` })
  }
  return { ring: JSON.parse(sealer.open(stored.ring, RING)) as Ring, rootKeyId: sealer.keyId }
}

/** Names the root key under which a stored ring is sealed. Not a secret. */
export function sealedUnder(value: string): string {
  return (JSON.parse(value) as StoredRing).canary.split('.', 1)[0] ?? ''
}

function ringSealer(rootKey: Uint8Array): Sealer {
  return createSealer(rootKey, 'keyring')
}

function opens(sealer: Sealer, canary: string): boolean {
  try {
    return sealer.open(canary, CANARY) === 'canary'
  } catch (error) {
    if (error instanceof SealBroken) return false
    throw error
  }
}
