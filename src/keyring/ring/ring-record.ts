/** The one record in which the ring is stored, read and written whole. */

import { StoreRefused, StoreUnavailable } from '../../faults/store.ts'
import { rootKeyId as nameOf } from '../../base/sealing.ts'
import { keys } from '../../store/keys.ts'
import type { Store } from '../../store/store.ts'
import type { RingVersion } from '../keyring-version.ts'
import type { Ring } from './ring.ts'
import { openRing, sealRing } from './sealed-ring.ts'

export interface StoredRingVersion extends RingVersion {
  /** The root key it was sealed under, and the root key for its next version. */
  readonly rootKey: Uint8Array
}

export interface RingRecord {
  /** Throws `StoreRefused` when the store has had a ring and has none now. */
  exists(): Promise<boolean>
  /** Throws `RootKeyWrong`, `SealBroken`, `StoreUnavailable`. */
  read(): Promise<StoredRingVersion>
  /** Writes over this version, or as the first one without a version; false when another write was first. */
  write(ring: Ring, rootKey: Uint8Array, over: number | undefined): Promise<boolean>
}

const RING = keys.keyring()
const MADE = keys.ringMade()

// A second ring would be made of other keys: nothing that was sealed and signed with the first could be read any more.
const RING_GONE =
  'The store has had a key ring and has lost it: restore a backup with `grantor restore --replace`, or empty the store to begin anew.'

export interface RecordParts {
  readonly store: Store
  readonly rootKeys: () => Promise<readonly Uint8Array[]>
}

export function createRingRecord({ store, rootKeys }: RecordParts): RingRecord {
  return {
    async exists() {
      const [ring, made] = await store.getMany([RING, MADE])
      if (ring === undefined && made !== undefined) throw new StoreRefused(RING_GONE)
      if (ring !== undefined && made === undefined) await noteMade()
      return ring !== undefined
    },

    async read() {
      const entry = await store.get(RING)
      if (entry === undefined) throw new StoreUnavailable({ detail: 'the ring is missing in the store' })
      const held = await rootKeys()
      const { ring, rootKeyId } = openRing(entry.value, held)
      const rootKey = held.find((key) => nameOf(key) === rootKeyId) as Uint8Array
      return { ring, rootKeyId, rootKey, version: entry.version }
    },

    async write(ring, rootKey, over) {
      const condition = over === undefined ? { ifAbsent: true } : { ifVersion: over }
      if ((await store.put(RING, sealRing(ring, rootKey), condition)) !== 'stored') return false
      if (over === undefined) await noteMade()
      return true
    },
  }

  async function noteMade(): Promise<void> {
    await store.put(MADE, '', { ifAbsent: true })
  }
}
