/**
 * A load balancer as the simplest ones are: servers in turn, connections to them kept, and passive checks only.
 *
 * It learns that a server is down by being refused a connection, and then asks the next; a request that was sent to a
 * server is never sent again, since it may have been done. Whatever else goes wrong is a failed request: 502.
 */

import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { monotonicClock } from '../../src/base/clock.ts'

export interface Balancer {
  readonly url: string
  /** What went wrong with the requests that failed. */
  readonly failures: readonly string[]
  close(): Promise<void>
}

// How long a server that refused a connection is not asked.
const DOWN_MS = 1000

interface Upstream {
  readonly url: URL
  readonly agent: Agent
  downUntilMs: number
}

export async function startBalancer(urls: readonly string[]): Promise<Balancer> {
  const upstreams: Upstream[] = urls.map((url) => {
    return { url: new URL(url), agent: new Agent({ keepAlive: true }), downUntilMs: 0 }
  })
  const failures: string[] = []
  let turn = 0

  /** All, beginning with the one whose turn it is; those that are down come last. */
  function inTurn(): Upstream[] {
    turn += 1
    const order = upstreams.map((_, index) => upstreams[(turn + index) % upstreams.length] as Upstream)
    const isDown = ({ downUntilMs }: Upstream) => downUntilMs > monotonicClock()
    return [...order.filter((upstream) => !isDown(upstream)), ...order.filter(isDown)]
  }

  async function forward(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const body = Buffer.concat(await req.toArray())
    for (const upstream of inTurn()) {
      try {
        const answer = await ask(upstream, req, body)
        res.writeHead(answer.status, answer.headers).end(answer.body)
        return
      } catch (error) {
        if (!isRefused(error)) {
          failures.push(`${req.method} ${req.url}: ${String(error)}`)
          break
        }
        upstream.downUntilMs = monotonicClock() + DOWN_MS
      }
    }
    if (res.headersSent) return
    failures.push(`${req.method} ${req.url}: no server answers`)
    res.writeHead(502).end()
  }

  const server = createServer((req, res) => void forward(req, res))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    failures,
    async close() {
      for (const { agent } of upstreams) agent.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Answer {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: Buffer
}

async function ask({ url, agent }: Upstream, req: IncomingMessage, body: Buffer): Promise<Answer> {
  const { connection: _own, ...headers } = req.headers
  const { hostname, port } = url
  const sent = request({ ...{ hostname, port, agent }, method: req.method, path: req.url, headers }).end(body)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  const { connection: _theirs, ...answered } = answer.headers
  return { status: answer.statusCode ?? 0, headers: answered, body: Buffer.concat(await answer.toArray()) }
}

/** No connection came about, so the request was not sent. One that is being closed may reset it instead of refusing. */
function isRefused(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).syscall === 'connect'
}
