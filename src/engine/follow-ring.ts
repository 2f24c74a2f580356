/**
 * A newer ring needs a new engine. It is built while the old one serves, and replaces it between two requests.
 */

import type { Log } from '../audit/log.ts'
import { Fault } from '../faults/fault.ts'
import { StoreUnavailable } from '../faults/store.ts'
import type { Keyring, LiveKeyring } from '../keyring/keyring.ts'
import type { CurrentEngine, Engine } from './current.ts'

export interface FollowParts {
  readonly keyring: Pick<LiveKeyring, 'follow'>
  readonly current: CurrentEngine
  readonly build: (keyring: Keyring) => Promise<Engine>
  readonly log: Log
}

/** Swaps the engine whenever the ring changes, on any node. Returns a stop, which waits for a swap under way. */
export function followRing({ keyring, current, build, log }: FollowParts): () => Promise<void> {
  // One after the other, so that an older ring never takes the place of a newer one.
  let building = Promise.resolve()
  const unfollow = keyring.follow(
    (ring) => {
      building = building.then(() => swap(ring))
    },
    (error) => {
      if (error instanceof StoreUnavailable) return
      const detail = error instanceof Fault ? error.detail : undefined
      log.event('key_ring_unreadable', { err: error, detail })
    },
  )
  return async function stop() {
    unfollow()
    await building
  }

  async function swap(ring: Keyring): Promise<void> {
    try {
      current.swap(await build(ring))
      log.event('key_ring_in_use', { version: ring.version })
    } catch (err) {
      log.event('engine_not_built', { err, version: ring.version })
    }
  }
}
