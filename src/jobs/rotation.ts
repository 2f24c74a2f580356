/**
 * Runs the key schedule on a timer. Every node runs it; the first node that writes takes a step that is due.
 */

import type { Log } from '../audit/log.ts'
import { StoreUnavailable } from '../faults/store.ts'
import type { LiveKeyring } from '../keyring/keyring.ts'

export interface RotationParts {
  readonly keyring: Pick<LiveKeyring, 'advance'>
  readonly log: Log
  readonly everyMs: number
}

/** Looks now and then whether the ring has a step to take. Returns a stop, which waits for a step under way. */
export function startRotation({ keyring, log, everyMs }: RotationParts): () => Promise<void> {
  let underWay: Promise<void> | undefined
  const timer = setInterval(() => {
    // While the store is slow a look takes longer than the time to the next; it must not wait behind others.
    underWay ??= step().finally(() => {
      underWay = undefined
    })
  }, everyMs).unref()

  return async function stop() {
    clearInterval(timer)
    await underWay
  }

  async function step(): Promise<void> {
    try {
      const { changes } = await keyring.advance()
      for (const { event, ...fields } of changes) log.event('key_ring_changed', { change: event, ...fields })
    } catch (err) {
      // The next look tries again; until then the ring stays as it is, which is always a whole one. That the store is away is
      // logged once (store-watch.ts).
      if (!(err instanceof StoreUnavailable)) log.event('key_ring_step_failed', { err })
    }
  }
}
