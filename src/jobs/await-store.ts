/** Waiting at the start for a store that is away, or configured so that it may lose what it was given. */

import type { Log } from '../audit/log.ts'
import type { GuardedStore } from '../store/identity/guarded-store.ts'

const WAIT_MS = 100
const SAY_EVERY = 50

export async function awaitStore(store: Pick<GuardedStore, 'mustWait' | 'status'>, log: Log): Promise<void> {
  for (let round = 0; await store.mustWait(); round++) {
    if (round % SAY_EVERY === SAY_EVERY - 1) log.event('waiting_for_store', { problem: store.status().problem })
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS))
  }
}
