/** Asks every node all the time whether it is ready, and records what it says when that changes. */

import { type Fleet, NODES } from './fleet.ts'
import type { History } from './history.ts'

const ASK_MS = 500

export interface ReadinessWatch {
  stop(): Promise<void>
}

export function watchReadiness(fleet: Fleet, history: History): ReadinessWatch {
  let isStopping = false
  const loops = Array.from({ length: NODES }, async (_, node) => {
    let said = ''
    while (!isStopping) {
      const { ready, problem } = await fleet.readiness(node)
      const now = ready ? '' : problem || 'no answer'
      if (now !== said) history.add({ kind: 'readiness', node, problem: now, atMs: performance.now() })
      said = now
      await new Promise((resolve) => setTimeout(resolve, ASK_MS))
    }
  })
  return {
    async stop() {
      isStopping = true
      await Promise.all(loops)
    },
  }
}
