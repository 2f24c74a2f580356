/** Listening on a port, with a sentence that helps when it is taken. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What answers requests; Koa, Express and plain functions all fit. */
export type Handler = (req: IncomingMessage, res: ServerResponse) => void | Promise<void>

export interface Listening {
  readonly port: number
  readonly close: () => Promise<void>
}

/** The port cannot be had; the message is for a person in front of a terminal. */
export class PortTaken extends Error {
  override readonly name = 'PortTaken'
}

/** `port` 0 takes any free one. Throws `PortTaken`. */
export async function listen(name: string, handler: Handler, port: number, host: string): Promise<Listening> {
  const server = createServer((req, res) => void handler(req, res))
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(explain(error, name, port)))
    server.listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

function explain(error: NodeJS.ErrnoException, name: string, port: number): Error {
  if (error.code !== 'EADDRINUSE') return error
  return new PortTaken(
    `Port ${port}, where ${name} should listen, is taken. Stop the program that has it and start again.`,
  )
}
