/** Whether a node may be sent requests: only while it really answers them, and only while it can write to its store. */

import type { StoreStatus } from '../../store/store.ts'

export interface Readiness {
  readonly status: 'starting' | 'ok' | 'not ready' | 'stopping'
  /** Why not, for the operator. */
  readonly problem?: string
}

export interface Progress {
  /** The public port takes requests. */
  isListening: boolean
  isStopping: boolean
}

export function readinessOf(
  { isListening, isStopping }: Progress,
  { ready, hasRoom, problem }: StoreStatus,
): Readiness {
  if (isStopping) return { status: 'stopping' }
  if (!ready || !hasRoom) return { status: 'not ready', ...(problem === undefined ? {} : { problem }) }
  return { status: isListening ? 'ok' : 'starting' }
}

/** The process that runs several processes as one node. */
export interface Supervisor {
  report(readiness: Readiness): void
}

const TELL_EVERY_MS = 500

/** Reports to the supervisor at an interval, so that it notices when reports stop. */
export function reportReadiness(readiness: () => Readiness, supervisor: Supervisor) {
  const tell = () => supervisor.report(readiness())
  const timer = setInterval(tell, TELL_EVERY_MS).unref()
  tell()
  return {
    url: undefined,
    /** Now, because it has changed. */
    tell,
    async close(): Promise<void> {
      clearInterval(timer)
    },
  }
}
