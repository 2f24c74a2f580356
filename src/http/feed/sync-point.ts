/**
 * Up to which moment this node knows every revocation.
 *
 * That the store answers is not enough: the log reaches this node by a connection of its own, which may hang while the
 * other works. So the store is asked what it has, and the question is answered when all of that has arrived here.
 */

import type { RevocationLog } from '../../revocation/revocation-log.ts'
import type { Clock } from '../../base/clock.ts'
import { logs } from '../../store/keys.ts'
import type { Store } from '../../store/store.ts'

export interface SyncPoint {
  /**
   * The moment (epoch milliseconds, after this call was made) up to which all revocations are in this node's memory;
   * `undefined` when that cannot be said.
   */
  confirm(): Promise<number | undefined>
}

export interface SyncPointParts {
  readonly store: Pick<Store, 'read'>
  readonly revocationLog: Pick<RevocationLog, 'last' | 'knows' | 'onNews'>
  readonly clock: Clock
}

const PAGE = 1000
// A follower hears of an entry within a second; one that takes longer is not following.
const ARRIVES_WITHIN_MS = 1000

export function createSyncPoint({ store, revocationLog, clock }: SyncPointParts): SyncPoint {
  let running: Promise<number | undefined> | undefined
  let queued: Promise<number | undefined> | undefined

  return {
    /** However many ask, one look is under way, and one more for those who came after it began. */
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
