/** What /health/ready says is what the public port does. */

import { Agent, type IncomingMessage, request } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'

import { type Supervised, startSupervised } from './supervised.ts'

const PATIENCE = { timeout: 180_000 }

describe.each(['1', '2'])('with WORKERS=%s', (workers) => {
  it('[B12] a node is ready only when it answers', PATIENCE, async () => {
    const server = await started({ WORKERS: workers })

    await untilReady(server, 200)

    expect((await fetch(`${server.urls[0]}/jwks`)).status).toBe(200)
  })

  it('[B12] a node that was told to stop is unready, and serves until its delay is over', PATIENCE, async () => {
    const server = await started({ WORKERS: workers, STOP_DELAY_SECONDS: '300' })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    await server.until('all listen', () => server.listeners().length === Number(workers))
    await untilReady(server, 200)
    expect((await get(server, agent)).headers.connection).toBe('keep-alive')

    const ending = server.terminate()

    await untilReady(server, 503, 'stopping')
    await server.until('the workers know', () => {
      return server.lines.filter(({ event }) => event === 'stopping').length === Number(workers)
    })
    // On the connection that was open, which ends with the answer, and on a new one.
    for (let round = 0; round < 2; round++) {
      const answer = await get(server, agent)
      expect(answer.statusCode).toBe(200)
      expect(answer.headers.connection).toBe('close')
    }
    // Told once more, it waits no longer.
    process.kill(server.pid, 'SIGTERM')
    expect(await ending).toMatchObject({ code: 0 })
  })
})

it('a worker that hangs makes the node unready, and the operator reads which', PATIENCE, async () => {
  const server = await started({ WORKERS: '2' })
  await server.until('both listen', () => server.listeners().length === 2)
  const [stuck = 0] = server.listeners()

  process.kill(stuck, 'SIGSTOP')
  onTestFinished(() => void process.kill(stuck, 'SIGCONT'))

  await untilReady(server, 503, 'not ready', `worker process ${stuck} hangs; kill it, and it is replaced`)
})

async function started(settings: Record<string, string>): Promise<Supervised> {
  const server = await startSupervised(settings)
  onTestFinished(() => server.close())
  return server
}

/** Asks again and again, without a pause. */
async function untilReady(server: Supervised, status: number, word = 'ok', problem?: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`${server.opsUrl}/health/ready`).catch(() => undefined)
    if (answer?.status !== status) continue
    const body = (await answer.json()) as { status: string; problem?: string }
    if (body.status !== word) continue
    expect(body.problem).toBe(problem)
    return
  }
}

function get(server: Supervised, agent: Agent): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(`${server.urls[0]}/jwks`, { agent }, (answer) => answer.resume().on('end', () => resolve(answer)))
      .on('error', reject)
      .end()
  })
}
