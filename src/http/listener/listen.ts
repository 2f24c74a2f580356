/** Listens on a port with limits on connections, and closes it without cutting off requests. */

import { createServer, type IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http'
import { type AddressInfo, type ListenOptions, Server as NetServer, type Socket } from 'node:net'

import { PortUnusable } from '../../faults/start.ts'
import { type Connections, type ConnectionsParts, createConnections } from './connections.ts'

export interface Listener {
  /** `http://host:port`, as bound. */
  readonly url: string
  readonly port: number
  /** From now on every answer ends its connection, so that clients and balancers go elsewhere; all are still served. */
  leave(): void
  /** Takes no new connection, lets requests under way finish for `graceMs`, then closes what is left. */
  close(graceMs?: number): Promise<void>
}

export interface ListenerOptions extends ConnectionsParts {
  readonly host: string
  readonly port: number
  /** Several processes listen on the port, each with a queue of its own, where the system can do that. */
  readonly sharesPort?: boolean
}

const BOUNDS = {
  headersTimeout: 10_000,
  requestTimeout: 20_000,
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16_384,
  // How much later than its time a slow sender is cut off; Node's default is 30 s.
  connectionsCheckingInterval: 1000,
}
const GRACE_MS = 8000
// Browsers open connections ahead of need; one on which nothing has come for so long is not waited for. A balancer on a
// machine that is overloaded may need more than a second between its connection and its request.
const SILENCE_MS = 2000

// At the end of the delay connections are kept alive again for a short time, so that few new ones come while the port
// is closed.
const SETTLE_MS = 300

/** Throws `PortUnusable` when the port is taken or may not be bound. */
export async function listen(handler: RequestListener, options: ListenerOptions): Promise<Listener> {
  const connections = createConnections(options)
  let isLeaving = false
  let hasLeft = false
  const server = createServer({ ...BOUNDS, ServerResponse: responses(connections, () => isLeaving) }, handler)
  server.on('connection', (socket) => connections.admit(socket))
  const bound = await bind(server, options)
  const name = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address
  return {
    url: `http://${name}:${bound.port}`,
    port: bound.port,
    leave() {
      isLeaving = true
      hasLeft = true
    },
    async close(graceMs = GRACE_MS) {
      if (hasLeft) {
        isLeaving = false
        await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
      }
      await stop(server, connections, {
        graceMs,
        idleMs: hasLeft ? SILENCE_MS : 0,
        leave() {
          isLeaving = true
        },
      })
    },
  }
}

/** Checks that the port is free: the given one, or any free one for 0. Throws `PortUnusable`. */
export async function findPort({ host, port }: { host: string; port: number }): Promise<number> {
  const server = createServer()
  const bound = await bind(server, { host, port })
  await new Promise((resolve) => server.close(resolve))
  return bound.port
}

/** Where several sockets may listen on one port and the system spreads connections over them. */
const SPREADS: readonly string[] = ['linux', 'freebsd', 'sunos', 'aix']

async function bind(
  server: Server,
  { host, port, sharesPort = false }: Pick<ListenerOptions, 'host' | 'port' | 'sharesPort'>,
): Promise<AddressInfo> {
  const options: ListenOptions = { host, port, reusePort: sharesPort && SPREADS.includes(process.platform) }
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(options, () => {
        server.off('error', reject)
        resolve()
      })
    })
  } catch (cause) {
    throw new PortUnusable({ host, port, cause: cause as NodeJS.ErrnoException })
  }
  return server.address() as AddressInfo
}

/**
 * Responses that show which connections are in use, and that close theirs once the server stops. Otherwise a client
 * with a busy connection would use it until it is cut off in the middle of a request.
 */
function responses(connections: Connections, isLeaving: () => boolean): typeof ServerResponse {
  return class<Request extends IncomingMessage> extends ServerResponse<Request> {
    override assignSocket(socket: Socket): void {
      connections.serves(socket)
      super.assignSocket(socket)
    }

    override detachSocket(socket: Socket): void {
      super.detachSocket(socket)
      connections.rests(socket)
    }

    override writeHead(status: number, ...more: unknown[]): this {
      if (isLeaving()) this.shouldKeepAlive = false
      return super.writeHead(status, ...(more as []))
    }
  }
}

interface Stopping {
  readonly graceMs: number
  /** How long idle connections are kept, so that their next answer ends them rather than a reset. */
  readonly idleMs: number
  readonly leave: () => void
}

async function stop(server: Server, connections: Connections, { graceMs, idleMs, leave }: Stopping): Promise<void> {
  await lastLook(connections)
  // The port first and at once: who is taken by the system after the last look and before this is reset.
  const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()))
  leave()
  // Now the connections that are idle, and Node's timer for slow senders.
  const idle = setTimeout(() => server.close(), idleMs)
  if (idleMs === 0) server.close()
  const silent = setTimeout(() => connections.closeSilent(), SILENCE_MS)
  const cut = setTimeout(() => server.closeAllConnections(), graceMs)
  await closed
  for (const timer of [idle, silent, cut]) clearTimeout(timer)
  if (idleMs > 0) server.close()
}

const MOST_TURNS = 100

/**
 * Accepts what has reached this machine already: a connection that the system took for us, or a request on a connection
 * that seemed idle. Closing would reset both, and a client may not send a token request twice.
 */
async function lastLook(connections: Connections): Promise<void> {
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    const before = connections.arrivals()
    await new Promise((resolve) => setImmediate(resolve))
    if (connections.arrivals() === before) return
  }
}
