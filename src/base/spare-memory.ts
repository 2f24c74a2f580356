/**
 * Returns memory when the process is idle.
 *
 * After a busy time V8 keeps the memory that it took: after 100,000 tokens half of a server's memory is unused. V8
 * flags that limit it cost a refresh up to a quarter of its speed (docs/performance.md). A full collection takes about
 * 50 ms, so it runs when no request waits; a request that comes during it waits.
 */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export interface SpareMemoryOptions {
  /** How long the process must have been nearly idle. */
  readonly restMs?: number
}

const REST_MS = 4000
/** The share of time that an idle server uses: it watches its store and its keys. */
const REST_SHARE = 0.02
const WORTHWHILE_BYTES = 16 * 1024 * 1024

/** Watches this process from now on. Does not keep the process alive. */
export function giveBackSpareMemory({ restMs = REST_MS }: SpareMemoryOptions = {}): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as NodeJS.GCFunction
  let before = process.cpuUsage()
  let keptBytes = 0

  function look(): void {
    const { user, system } = process.cpuUsage(before)
    before = process.cpuUsage()
    const isAtRest = user + system < restMs * 1000 * REST_SHARE
    const heldBytes = residentBytes()
    if (!isAtRest || heldBytes === undefined || heldBytes < keptBytes + WORTHWHILE_BYTES) return
    collect({ type: 'major', flavor: 'last-resort' })
    keptBytes = residentBytes() ?? heldBytes
  }

  setInterval(look, restMs).unref()
}

/** `undefined` when the process may open no more files: on Linux the value is read from one. */
function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss()
  } catch {
    return undefined
  }
}
