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
    const counts = taken.result.flatMap(({ url, functions }) =>
      functions.map(({ ranges: [whole] }) => [`${url}#${whole?.startOffset}`, whole?.count ?? 0]),
    )
    process.send?.(counts)
  })
})
