/**
 * Gives memory back when the process has come to rest.
 *
 * V8 keeps what a busy time made it take, in case another follows: after 100,000 tokens half of a server's memory is
 * nobody's. Flags that hold it down cost a refresh up to a quarter of its speed (docs/performance.md). To collect
 * everything and return it takes some 50 ms, so it is done when nobody waits; a request that comes right then does.
 */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export interface SpareMemoryOptions {
  /** How long the process must have had next to nothing to do. */
  readonly restMs?: number
}

const REST_MS = 4000
/** What a server without requests does beside waiting: it watches its store and its keys. */
const REST_SHARE = 0.02
const WORTHWHILE_BYTES = 16 * 1024 * 1024

/** Watches this process from now on; keeps no process alive. */
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

/** `undefined` while the process may open no more files: on Linux the figure is read from one. */
function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss()
  } catch {
    return undefined
  }
}
