/** How long an honest client waits for a token while strangers send expensive bodies over six connections. */

import { Agent, request } from 'node:http'

import { ROUTES, type Route } from '../../src/http/routes.ts'
import { COSTLY_BODIES } from '../../test/http/costly-bodies.ts'
import { startMeasuredServer } from '../../test/http/measured-server.ts'
import { addressOf } from '../../test/support/routes.ts'
import { callEndpoint } from '../../test/support/user-agent.ts'

const CONNECTIONS = 6
const MOST_TIMES_IDLE = 5
const FLOODED: readonly string[] = ['token', 'introspection', 'revocation', 'pushed-authorization', 'login']
const MACHINE = { id: 'demo-machine', secret: 'demo-machine-secret-not-for-production' }

export async function waitUnderFlood(seconds: number): Promise<string[]> {
  const server = await startMeasuredServer()
  try {
    await medianWait(server.url, seconds)
    const problems: string[] = []
    for (const route of ROUTES.filter(({ name }) => FLOODED.includes(name))) {
      for (const body of Object.keys(COSTLY_BODIES)) {
        // Right before, since other programs of the machine come and go.
        const idle = await medianWait(server.url, seconds)
        const flood = startFlood(server.url, route, COSTLY_BODIES[body]?.(route.limits.bodyBytes) ?? '')
        const wait = await medianWait(server.url, seconds)
        const sent = await flood.stop()
        const times = wait / idle
        console.log(
          `${route.name}, ${body}: p50 ${idle.toFixed(1)} → ${wait.toFixed(1)} ms (${times.toFixed(1)} ×), ${sent} requests sent`,
        )
        if (times > MOST_TIMES_IDLE) problems.push(`${route.name}, ${body}: ${times.toFixed(1)} × idle`)
      }
    }
    return problems
  } finally {
    await server.close()
  }
}

/** One token after the other; milliseconds. */
async function medianWait(url: string, seconds: number): Promise<number> {
  const waits: number[] = []
  const end = performance.now() + seconds * 1000
  while (performance.now() < end) {
    const begun = performance.now()
    const { status } = await callEndpoint(`${url}/token`, { grant_type: 'client_credentials' }, MACHINE)
    if (status !== 200) throw new Error(`/token answered ${status}`)
    waits.push(performance.now() - begun)
  }
  return waits.toSorted((a, b) => a - b)[Math.floor(waits.length / 2)] ?? Number.POSITIVE_INFINITY
}

/** Each connection sends its next request as soon as the last was answered. */
function startFlood(url: string, route: Route, body: string): { stop(): Promise<number> } {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const bytes = Buffer.from(body)
  let isOver = false
  let sent = 0
  const connections = Array.from({ length: CONNECTIONS }, async () => {
    while (!isOver) {
      await send(agent, url + addressOf(route), bytes)
      sent++
    }
  })
  return {
    async stop() {
      isOver = true
      await Promise.all(connections)
      agent.destroy()
      return sent
    },
  }
}

function send(agent: Agent, url: string, body: Buffer): Promise<void> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length }
  return new Promise((resolve) => {
    const sending = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume().once('close', resolve)
    })
    // A server may close the connection of a body that it does not read.
    sending.once('error', () => resolve())
    sending.end(body)
  })
}
