/** Clients, APIs and secrets that change on two servers while both are busy. */

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { createVerifier } from '../../../src/resource/index.ts'
import { expectFigure, within } from '../../support/figures.ts'
import { describeWithRedis, type RedisServer, startRedis } from '../../support/redis.ts'
import { basic, post } from '../../support/requests.ts'
import { type Running, start } from '../../support/start.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

const ORDERS = 'https://orders.example'
const MACHINE = { grant_types: ['client_credentials'], apis: { [ORDERS]: ['orders:read'] } }
const DEMO_SECRET = 'demo-machine-secret-not-for-production'
// Six looks at five changes each, made at either server: 204 in all.
const ROUNDS = 34

describe('two servers on the embedded store', () => describeServers(() => start({ nodes: 2 })))

describeWithRedis('two servers on Redis', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.close())
  describeServers(() => start({ nodes: 2, redisUrl: redis.url }))
})

function describeServers(open: () => Promise<Running>): void {
  let app: Running
  beforeAll(async () => {
    app = await open()
  })
  afterAll(() => app.close())

  it('have each change in force within a second, and no request of another client fails', async () => {
    const load = startLoad(app)
    const delays: number[] = []
    try {
      for (let round = 0; round < ROUNDS; round++) delays.push(...(await changeAll(app, round)))
    } finally {
      await load.stop()
    }
    const { answered, failed } = await load.stop()

    const p99 = delays.toSorted((a, b) => a - b)[Math.ceil(delays.length * 0.99) - 1] ?? 0
    expectFigure(`ms until ${delays.length} changes were in force on both servers, p99`, p99, 1000)
    expect(answered).toBeGreaterThan(ROUNDS)
    expect(failed).toEqual([])
  })

  it('have a verifier refuse the tokens of a client that is removed', async () => {
    const [writer] = app.nodes
    const revocations = { clientId: 'demo-machine', clientSecret: DEMO_SECRET }
    const verifier = createVerifier({ issuer: app.issuer, audience: ORDERS, revocations })
    await verifier.prepare()
    const { secret = '' } = (await writer?.registration.changes.addClient({ client_id: 'leaving', ...MACHINE })) ?? {}
    const token = String((await grant(app, 0, 'leaving', secret)).body.access_token)
    const verified = () => verifier.verify(token)
    await verified()

    const before = performance.now()
    await writer?.registration.changes.removeClient('leaving')
    await vi.waitFor(
      async () =>
        expect(
          await verified().then(
            () => 'good',
            () => 'refused',
          ),
        ).toBe('refused'),
      within(1000, 5),
    )
    expectFigure('ms until a verifier refuses the tokens of a removed client', performance.now() - before, 1000)
    await verifier.close()
  })
}

/** Adds, rotates, widens, disables and removes a client, each at one of the servers; the delays until both have it. */
async function changeAll(app: Running, round: number): Promise<number[]> {
  const client_id = `client-${round}`
  const changes = app.nodes.map((node) => node.registration.changes)
  const at = (step: number) => changes[(round + step) % 2] as (typeof changes)[number]
  const { secret: old = '' } = await at(0).addClient({ client_id, ...MACHINE })
  const delays = [await untilBoth(app, client_id, old, 200)]
  const { secret = '' } = await at(1).rotateSecret(client_id, { oldForSeconds: 0 })
  delays.push(await untilBoth(app, client_id, secret, 200), await untilBoth(app, client_id, old, 401))
  await at(0).setClient(client_id, { disabled: true })
  delays.push(await untilBoth(app, client_id, secret, 401))
  await at(1).setClient(client_id, { disabled: false })
  delays.push(await untilBoth(app, client_id, secret, 200))
  await at(0).removeClient(client_id)
  delays.push(await untilBoth(app, client_id, secret, 401))
  return delays
}

async function untilBoth(app: Running, clientId: string, secret: string, status: number): Promise<number> {
  const before = performance.now()
  const both = app.urls.map((_, node) =>
    vi.waitFor(async () => expect((await grant(app, node, clientId, secret)).status).toBe(status), within(1000, 5)),
  )
  await Promise.all(both)
  return performance.now() - before
}

function grant(app: Running, node: number, clientId: string, secret: string) {
  return post(
    `${app.urls[node]}/token`,
    { grant_type: 'client_credentials', scope: 'orders:read' },
    basic(clientId, secret),
  )
}

/** An unchanged client asks both servers repeatedly. */
function startLoad(app: Running) {
  const failed: unknown[] = []
  let answered = 0
  let isOver = false
  const loops = app.urls.flatMap((_, node) => [ask(node), ask(node)])
  return {
    async stop() {
      isOver = true
      await Promise.all(loops)
      return { answered, failed }
    },
  }

  async function ask(node: number): Promise<void> {
    while (!isOver) {
      const { status, body } = await grant(app, node, 'demo-machine', DEMO_SECRET)
      if (status === 200) answered += 1
      else failed.push({ status, body })
    }
  }
}
