/** What each of several workers has reported, and the readiness of the node that follows from it. */

import type { Clock } from '../../base/clock.ts'
import type { Readiness } from '../ops/readiness.ts'

export interface WorkerReadiness {
  heard(id: number, pid: number, readiness: Readiness): void
  /** The worker has ended. Says whether it had ever served. */
  gone(id: number): boolean
  hasEverServed(): boolean
  /** From now on the node is stopping, whatever the workers report. */
  stop(): void
  isStopping(): boolean
  readiness(): Readiness
}

interface WorkerState {
  readonly pid: number
  readonly readiness: Readiness
  readonly atMs: number
  readonly hasServed: boolean
}

/** Workers report twice a second. A worker without reports for this long hangs, with all its connections. */
const LONGEST_SILENCE_MS = 5000

/** `clock` is monotonic. */
export function createWorkerReadiness(clock: Clock): WorkerReadiness {
  const workers = new Map<number, WorkerState>()
  let hasEverServed = false
  let isStopping = false

  /** Connections are spread over all listening workers, so one unready worker makes the node unready. */
  function readiness(): Readiness {
    if (isStopping) return { status: 'stopping' }
    const all = [...workers.values()]
    const silent = all.find(({ atMs }) => clock() - atMs > LONGEST_SILENCE_MS)
    if (silent !== undefined) {
      return { status: 'not ready', problem: `worker process ${silent.pid} hangs; kill it, and it is replaced` }
    }
    const listening = all.filter(({ hasServed }) => hasServed)
    const unready = listening.find(({ readiness: { status } }) => status === 'not ready')
    if (unready !== undefined) return unready.readiness
    if (listening.some(({ readiness: { status } }) => status === 'ok')) return { status: 'ok' }
    // Of the workers that are starting, one may know the reason for the delay.
    return all.find(({ readiness: { problem } }) => problem !== undefined)?.readiness ?? { status: 'starting' }
  }

  return {
    heard(id, pid, told) {
      const hasServed = told.status === 'ok' || (workers.get(id)?.hasServed ?? false)
      hasEverServed ||= hasServed
      workers.set(id, { pid, readiness: told, atMs: clock(), hasServed })
    },
    gone(id) {
      const served = workers.get(id)?.hasServed ?? false
      workers.delete(id)
      return served
    },
    hasEverServed: () => hasEverServed,
    stop() {
      isStopping = true
    },
    isStopping: () => isStopping,
    readiness,
  }
}
