/**
 * Up to which time this node knows every revocation.
 *
 * An answer of the store is not enough: the log reaches this node over another connection, which may hang while the
 * first one works. So this asks the store for its newest entry, and resolves when all entries have arrived here.
 */

import type { RevocationLog } from '../../revocation/revocation-log.ts'
import type { Clock } from '../../base/clock.ts'
import { logs } from '../../store/keys.ts'
import type { Store } from '../../store/store.ts'

export interface SyncPoint {
  /**
   * The time (epoch milliseconds, after this call) up to which all revocations are in this node's memory; `undefined`
   * when that cannot be confirmed.
   */
  confirm(): Promise<number | undefined>
}

export interface SyncPointParts {
  readonly store: Pick<Store, 'read'>
  readonly revocationLog: Pick<RevocationLog, 'last' | 'knows' | 'onNews'>
  readonly clock: Clock
}

const PAGE = 1000
// A follower gets an entry within a second. One that takes longer is not following.
const ARRIVES_WITHIN_MS = 1000

export function createSyncPoint({ store, revocationLog, clock }: SyncPointParts): SyncPoint {
  let running: Promise<number | undefined> | undefined
  let queued: Promise<number | undefined> | undefined

  return {
    /** Coalesces callers: at most one check runs and one is queued. */
    confirm() {
      queued ??= (running ?? Promise.resolve()).then(() => {
        queued = undefined
        running = look()
        return running
      })
      return queued
    },
  }

  async function look(): Promise<number | undefined> {
    const at = clock()
    try {
      const tail = await tailOfStore()
      return (await arrives(tail)) ? at : undefined
    } catch {
      return undefined // The store says in its status why.
    }
  }

  async function tailOfStore(): Promise<string | undefined> {
    let tail = revocationLog.last()
    for (;;) {
      const page = await store.read(logs.revocations, tail, PAGE)
      tail = page.at(-1)?.cursor ?? tail
      if (page.length < PAGE) return tail
    }
  }

  function arrives(tail: string | undefined): Promise<boolean> {
    const isHere = () => tail === undefined || revocationLog.knows(tail)
    if (isHere()) return Promise.resolve(true)
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const stop = revocationLog.onNews(() => {
      if (isHere()) resolve(true)
    })
    const timer = setTimeout(() => resolve(isHere()), ARRIVES_WITHIN_MS).unref()
    return promise.finally(() => {
      stop()
      clearTimeout(timer)
    })
  }
}
