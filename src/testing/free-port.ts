/** A port for a server whose address must be known before it is bound. */

import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

// Below the ports that Linux and macOS use for outgoing connections, which could take a free port at once.
const LOWEST = 10_240
const ABOVE_HIGHEST = 32_768
const TRIES = 100

/** A port that was free just now, chosen at random so that two callers rarely get the same. */
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
