/** Listening on a port, with bounds on what a connection may take, and stopping without cutting anybody off. */

import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Listener {
  /** `http://host:port`, as bound. */
  readonly url: string
  readonly port: number
  /** Takes no new connection, lets requests under way finish for `graceMs`, then closes what is left. */
  close(graceMs?: number): Promise<void>
}

const BOUNDS = { headersTimeout: 10_000, requestTimeout: 20_000, keepAliveTimeout: 65_000, maxHeaderSize: 16_384 }
const GRACE_MS = 8000

/** Throws what the system says when the port is taken or may not be bound. */
export async function listen(
  handler: RequestListener,
  { host, port }: { host: string; port: number },
): Promise<Listener> {
  const server = createServer(BOUNDS, handler)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const bound = server.address() as AddressInfo
  const name = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address
  return { url: `http://${name}:${bound.port}`, port: bound.port, close: (graceMs = GRACE_MS) => stop(server, graceMs) }
}

async function stop(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const cut = setTimeout(() => server.closeAllConnections(), graceMs)
  await closed
  clearTimeout(cut)
}
