/** The kinds of store that two nodes may share, and how each holds a node between its reads and its write. */

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe } from 'vitest'

import type { ServerProcesses } from '../support/server-process.ts'

export interface Topology {
  /** Redis URLs, one a node; `undefined`: the embedded file. */
  open(nodes: number): Promise<readonly string[] | undefined>
  close(): Promise<void>
  /** Begins `first` at the second node, lets `second` happen when that node has read and not yet written, and goes on. */
  duringWrite<T>(nodes: ServerProcesses, first: () => Promise<T>, second: () => Promise<unknown>): Promise<T>
}

export function describeOnEachTopology(title: string, tests: (topology: Topology) => void): void {
  describe(`${title} on one embedded file`, () => tests(embedded()))
}

function embedded(): Topology {
  return {
    open: async () => undefined,
    close: async () => undefined,

    // While another process holds the write lock, reads go on and writes wait. The node is stopped in that state, so
    // that `second` finds the lock free and the node asleep.
    async duringWrite(nodes, first, second) {
      const stopped = nodes.servers[1]
      const database = new DatabaseSync(join(nodes.dataDir, 'grantor.db'))
      database.exec('BEGIN IMMEDIATE')
      const answer = first()
      await settled(nodes.urls[1] as string)
      stopped?.pause()
      database.exec('ROLLBACK')
      database.close()
      try {
        await second()
      } finally {
        stopped?.resume()
      }
      return answer
    },
  }
}

/** Reads of the embedded store take no turn of the event loop: after a few answers the request has come to its write. */
async function settled(url: string): Promise<void> {
  for (let answers = 0; answers < 5; answers++) await (await fetch(`${url}/jwks`)).arrayBuffer()
}
