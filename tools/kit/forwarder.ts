/** What stands before several servers: each request goes to the next of them. */

import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, request } from 'node:http'

export interface Forwarder {
  close(): Promise<void>
}

// Longer than any client of this process keeps a silent connection, so that none is cut while a request comes.
const KEEP_ALIVE_MS = 60_000

export async function startForwarder(port: number, targets: readonly string[]): Promise<Forwarder> {
  let turn = 0
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (req, res) => {
    const target = new URL(targets[turn++ % targets.length] as string)
    // A connection for each: one that is kept could be closed by the server at the moment it is used again.
    const { hostname, port: targetPort } = target
    const options = { hostname, port: targetPort, path: req.url, method: req.method, agent: false }
    const onward = request({ ...options, headers: endToEnd(req.headers) }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers))
      answer.pipe(res)
    })
    onward.on('error', (error) => {
      if (res.headersSent) res.destroy()
      else res.writeHead(502).end(error.message)
    })
    req.pipe(onward)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')

  return {
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

// RFC 9110 section 7.6.1: they concern one connection only.
const HOP_BY_HOP = ['connection', 'keep-alive']

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name)))
}
