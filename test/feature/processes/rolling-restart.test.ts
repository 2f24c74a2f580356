/** Restarting one node after the other behind a balancer that does not look at their readiness. */

import { describe, expect, it, onTestFinished } from 'vitest'

import { startBalancer } from '../../support/balancer.ts'
import { startProcesses } from '../../support/server-process.ts'

const MACHINE = `Basic ${btoa('demo-machine:demo-machine-secret-not-for-production')}`
const MACHINES = 12

describe.each(['1', '2'])('a rolling restart of two nodes with WORKERS=%s', (workers) => {
  it('[B12] three times under load, fails no request', { timeout: 400_000 }, async () => {
    const nodes = await startProcesses({ count: 2, env: { WORKERS: workers, STOP_DELAY_SECONDS: '1' } })
    onTestFinished(() => nodes.close())
    const balancer = await startBalancer(nodes.urls)
    onTestFinished(() => balancer.close())
    const load = startLoad(balancer.url)

    for (let round = 0; round < 3; round++) {
      for (const node of nodes.servers) {
        expect(await node.terminate()).toBe(0)
        await node.restart()
        await load.more(50)
      }
    }
    await load.stop()

    expect(balancer.failures).toEqual([])
    expect([...load.statuses]).toEqual([['200', load.count()]])
  })
})

/** Machines that fetch tokens one after the other, and now and then nothing, so that some connections are idle. */
function startLoad(url: string) {
  const statuses = new Map<string, number>()
  let stopped = false
  let count = 0
  let told: () => void = () => undefined

  async function machine(): Promise<void> {
    while (!stopped) {
      const status = await fetchToken(url)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      count += 1
      told()
    }
  }
  const machines = Array.from({ length: MACHINES }, machine)

  return {
    statuses,
    count: () => count,
    /** Resolves when so many more requests were answered. */
    async more(answers: number) {
      const until = count + answers
      while (count < until) {
        await new Promise<void>((resolve) => {
          told = resolve
        })
      }
    },
    async stop() {
      stopped = true
      await Promise.all(machines)
    },
  }
}

async function fetchToken(url: string): Promise<string> {
  try {
    const body = new URLSearchParams({ grant_type: 'client_credentials', scope: 'orders:read' })
    const answer = await fetch(`${url}/token`, { method: 'POST', headers: { authorization: MACHINE }, body })
    await answer.arrayBuffer()
    return String(answer.status)
  } catch (error) {
    return String(error)
  }
}
