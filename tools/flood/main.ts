/**
 * `npm run flood`: what strangers can do to a server, in figures.
 *
 * How long others wait for a token while six connections send the most expensive bodies; by how much a store grows under
 * 20,000 requests of any mix from one address; that requests from a thousand fill a small Redis to the mark and no further.
 */

import { parseArgs } from 'node:util'

import { growthOf } from './growth.ts'
import { waitUnderFlood } from './latency.ts'

const USAGE = `npm run flood -- [options]

  --requests N   how many requests, from one address and from a thousand (default 20000)
  --seconds N    how long each expensive body is sent (default 5)
  --only WHAT    waiting or growth
  --help         this
`

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '5' },
    only: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(USAGE)
} else {
  const problems = [
    ...(values.only === 'waiting' ? [] : await growthOf(Number(values.requests))),
    ...(values.only === 'growth' ? [] : await waitUnderFlood(Number(values.seconds))),
  ]
  for (const problem of problems) console.error(`too much: ${problem}`)
  if (problems.length > 0) process.exitCode = 1
}
