/** The one record in which the ring is stored, read and written whole. */

import { StoreUnavailable } from '../base/faults.ts'
import { rootKeyId as nameOf } from '../base/sealing.ts'
import { keys } from '../store/keys.ts'
import type { Store } from '../store/store.ts'
import type { RingVersion } from './keyring-version.ts'
import type { Ring } from './ring.ts'
import { openRing, sealRing } from './sealed-ring.ts'

export interface StoredRingVersion extends RingVersion {
  /** What it was sealed under, and what its next version is to be sealed under. */
  readonly rootKey: Uint8Array
}

export interface RingRecord {
  exists(): Promise<boolean>
  /** Throws `RootKeyWrong`, `SealBroken`, `StoreUnavailable`. */
  read(): Promise<StoredRingVersion>
  /** Over this version, or as the first without one; false when somebody else was first. */
  write(ring: Ring, rootKey: Uint8Array, over: number | undefined): Promise<boolean>
}

const RING = keys.keyring()

export interface RecordParts {
  readonly store: Store
  readonly rootKeys: () => Promise<readonly Uint8Array[]>
}

export function createRingRecord({ store, rootKeys }: RecordParts): RingRecord {
  return {
    exists: async () => (await store.get(RING)) !== undefined,

    async read() {
      const entry = await store.get(RING)
      if (entry === undefined) throw new StoreUnavailable({ detail: 'the ring is gone from the store' })
      const held = await rootKeys()
      const { ring, rootKeyId } = openRing(entry.value, held)
      const rootKey = held.find((key) => nameOf(key) === rootKeyId) as Uint8Array
      return { ring, rootKeyId, rootKey, version: entry.version }
    },

    async write(ring, rootKey, over) {
      const condition = over === undefined ? { ifAbsent: true } : { ifVersion: over }
      return (await store.put(RING, sealRing(ring, rootKey), condition)) === 'stored'
    },
  }
}
