/**
 * Loaded into a server before it starts: counts the calls of every function (V8, precise), and answers each message with
 * what was counted since the one before.
 */

import { Session } from 'node:inspector'

const session = new Session()
session.connect()
session.post('Profiler.enable')
session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })

process.on('message', () => {
  session.post('Profiler.takePreciseCoverage', (error, taken) => {
    if (error !== null) throw error
    const counts = taken.result.map(({ url, functions }) => [url, Math.max(...functions.map(mostCalls))])
    process.send?.(counts)
  })
})

function mostCalls({ ranges }: { readonly ranges: readonly { readonly count: number }[] }): number {
  return ranges[0]?.count ?? 0
}
