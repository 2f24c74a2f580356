/** How long `node src/main.ts` takes from the spawn of its process until it says that it listens. */

import { startProcesses } from '../../test/support/server-process.ts'

export interface StartUp {
  /** With no store yet: keys and the demo account are made. */
  readonly firstMs: number
  /** On what is there already; the median of several. */
  readonly againMs: number
}

const STARTS = 5

export async function measureStartUp(redisUrl: string | undefined): Promise<StartUp> {
  const startedMs = performance.now()
  const processes = await startProcesses(redisUrl === undefined ? {} : { redisUrls: [redisUrl] })
  const firstMs = performance.now() - startedMs
  try {
    const [server] = processes.servers
    const againMs: number[] = []
    for (let start = 0; start < STARTS; start++) {
      await server?.kill()
      const restartedMs = performance.now()
      await server?.restart()
      againMs.push(performance.now() - restartedMs)
    }
    return { firstMs, againMs: againMs.sort((a, b) => a - b)[STARTS >> 1] ?? Number.NaN }
  } finally {
    await processes.close()
  }
}
