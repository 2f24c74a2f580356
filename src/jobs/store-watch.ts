/**
 * The store in the log: one line when it goes away or has no room, one when it is back, and what its configuration risks.
 *
 * Jobs that fail because the store is away log nothing of their own.
 */

import type { Log } from '../audit/log.ts'
import type { Clock } from '../base/clock.ts'
import type { Store, StoreStatus } from '../store/store.ts'

export interface StoreWatchParts {
  readonly store: Pick<Store, 'status'>
  readonly log: Log
  readonly monotonic: Clock
}

const LOOK_MS = 250

type State = 'usable' | 'away' | 'full'

/** Looks now, then four times a second. Returns a stop. */
export function startStoreWatch({ store, log, monotonic }: StoreWatchParts): () => void {
  let advised: readonly string[] = []
  let [state, since]: [State, number] = ['usable', monotonic()]
  const look = () => {
    const status = store.status()
    noteState(status)
    if (status.ready) advise(status.advice ?? [])
  }
  look()
  const timer = setInterval(look, LOOK_MS).unref()
  return () => clearInterval(timer)

  function noteState(status: StoreStatus): void {
    const present = stateOf(status)
    if (present === state) return
    if (present === 'usable')
      log.event('store_usable', { was: state, seconds: Math.round((monotonic() - since) / 1000) })
    else log.event(present === 'away' ? 'store_away' : 'store_full', { problem: status.problem })
    if (state === 'usable') since = monotonic()
    state = present
  }

  /** Advice that still holds is not repeated. */
  function advise(advice: readonly string[]): void {
    for (const sentence of advice) if (!advised.includes(sentence)) log.event('store_advice', { advice: sentence })
    advised = advice
  }
}

function stateOf({ ready, hasRoom }: StoreStatus): State {
  if (!ready) return 'away'
  return hasRoom ? 'usable' : 'full'
}
