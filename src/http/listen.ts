/** Listening on a port, with bounds on what a connection may take, and stopping without cutting anybody off. */

import { createServer, type IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export interface Listener {
  /** `http://host:port`, as bound. */
  readonly url: string
  readonly port: number
  /** Takes no new connection, lets requests under way finish for `graceMs`, then closes what is left. */
  close(graceMs?: number): Promise<void>
}

const BOUNDS = { headersTimeout: 10_000, requestTimeout: 20_000, keepAliveTimeout: 65_000, maxHeaderSize: 16_384 }
const GRACE_MS = 8000
// Browsers open connections ahead of need; one on which nothing has come for so long is not waited for.
const SILENCE_MS = 500

/** Throws what the system says when the port is taken or may not be bound. */
export async function listen(
  handler: RequestListener,
  { host, port }: { host: string; port: number },
): Promise<Listener> {
  const server: Server = createServer({ ...BOUNDS, ServerResponse: lastUnless(() => server.listening) }, handler)
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const bound = server.address() as AddressInfo
  const name = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address
  return {
    url: `http://${name}:${bound.port}`,
    port: bound.port,
    close: (graceMs = GRACE_MS) => stop(server, sockets, graceMs),
  }
}

/**
 * Responses that end their connection once the server no longer listens. Otherwise a client that keeps its connection
 * busy goes on using it, until it is cut off in the middle of a request.
 */
function lastUnless(isListening: () => boolean): typeof ServerResponse {
  return class<Request extends IncomingMessage> extends ServerResponse<Request> {
    override writeHead(status: number, ...more: unknown[]): this {
      if (!isListening()) this.shouldKeepAlive = false
      return super.writeHead(status, ...(more as []))
    }
  }
}

async function stop(server: Server, sockets: ReadonlySet<Socket>, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const silent = setTimeout(() => closeSilent(sockets), SILENCE_MS)
  const cut = setTimeout(() => server.closeAllConnections(), graceMs)
  await closed
  clearTimeout(silent)
  clearTimeout(cut)
}

/** To Node a connection is idle only after its first request. */
function closeSilent(sockets: ReadonlySet<Socket>): void {
  for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
}
