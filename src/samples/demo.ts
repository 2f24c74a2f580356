/** `npm run demo`: every flow and every refusal, a line each; exits with 1 when one of them is not as it must be. */

import { walk } from './demo/walk.ts'

const stopped = new AbortController()
const stop = () => stopped.abort(new Error('Stopped before the end.'))
process.once('SIGINT', stop).once('SIGTERM', stop)

try {
  const { passed, failed } = await walk((line) => console.log(line), stopped.signal)
  console.log(`\n${passed} steps as they must be, ${failed} not, in ${process.uptime().toFixed(1)} s`)
  process.exitCode = failed === 0 ? 0 : 1
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
