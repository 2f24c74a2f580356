/** A port for a server whose address must be known before it is bound. */

import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

// Below the ports that Linux and macOS give to outgoing connections, which take one the moment after it was free.
const LOWEST = 10_240
const ABOVE_HIGHEST = 32_768
const TRIES = 100

/** One that was free a moment ago, chosen by chance so that two callers at once hardly choose the same. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = randomInt(LOWEST, ABOVE_HIGHEST)
    if (await isFree(port)) return port
  }
  throw new Error(`no free port was found in ${TRIES} tries`)
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const server = createServer()
  server.once('error', () => resolve(false))
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  return promise
}
