/** Logs advice about a store that works; each new sentence once. */

import type { Log } from '../audit/log.ts'
import type { Store } from '../store/store.ts'

export interface StoreAdviceParts {
  readonly store: Pick<Store, 'status'>
  readonly log: Log
}

const LOOK_MS = 1000

/** Says it now, and whenever there is more. Returns a stop. */
export function startStoreAdvice({ store, log }: StoreAdviceParts): () => void {
  let said: readonly string[] = []
  const look = () => {
    const { ready, advice = [] } = store.status()
    // A store that is not ready advises nothing; what holds still is not said again when it is back.
    if (!ready) return
    for (const sentence of advice) if (!said.includes(sentence)) log.event('store_advice', { advice: sentence })
    said = advice
  }
  look()
  const timer = setInterval(look, LOOK_MS).unref()
  return () => clearInterval(timer)
}
