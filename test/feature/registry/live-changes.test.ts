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
// Nine looks at changes, made at either server, in each. `npm run changes` makes 220 on four workers, and judges the time.
const ROUNDS = 4

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
    const token = String((await grant(app, 0, { id: 'leaving', secret })).body.access_token)
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

/** Changes a client, its secret and an API, each at one of the servers; the delays until both have it. */
async function changeAll(app: Running, round: number): Promise<number[]> {
  const client_id = `client-${round}`
  const audience = `https://api-${round}.example`
  const changes = app.nodes.map((node) => node.registration.changes)
  const at = (step: number) => changes[(round + step) % 2] as (typeof changes)[number]
  const { secret: old = '' } = await at(0).addClient({ client_id, ...MACHINE })
  const delays = [await untilBoth(app, { id: client_id, secret: old }, 200)]
  const { secret = '' } = await at(1).rotateSecret(client_id, { oldForSeconds: 0 })
  const client = { id: client_id, secret }
  delays.push(await untilBoth(app, client, 200), await untilBoth(app, { id: client_id, secret: old }, 401))
  await at(0).addApi({ audience, scopes: { 'orders:read': 'Read', 'orders:write': 'Write' } })
  const both = { [ORDERS]: ['orders:read'], [audience]: ['orders:read'] }
  await at(0).setClient(client_id, { apis: both })
  delays.push(await untilBoth(app, client, 200, audience))
  await at(0).setApi(audience, { scopes: { 'orders:write': 'Write' } })
  delays.push(await untilBoth(app, client, 400, audience))
  await at(0).removeApi(audience)
  await at(0).setClient(client_id, { disabled: true, apis: MACHINE.apis })
  delays.push(await untilBoth(app, client, 401))
  await at(1).setClient(client_id, { disabled: false })
  delays.push(await untilBoth(app, client, 200), await untilBoth(app, client, 400, audience))
  await at(0).removeClient(client_id)
  delays.push(await untilBoth(app, client, 401))
  return delays
}

async function untilBoth(app: Running, client: Credentials, status: number, resource = ORDERS): Promise<number> {
  const before = performance.now()
  const both = app.urls.map((_, node) =>
    vi.waitFor(async () => expect((await grant(app, node, client, resource)).status).toBe(status), within(1000, 5)),
  )
  await Promise.all(both)
  return performance.now() - before
}

interface Credentials {
  readonly id: string
  readonly secret: string
}

function grant(app: Running, node: number, { id, secret }: Credentials, resource = ORDERS) {
  const form = { grant_type: 'client_credentials', scope: 'orders:read', resource }
  return post(`${app.urls[node]}/token`, form, basic(id, secret))
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
      const { status, body } = await grant(app, node, { id: 'demo-machine', secret: DEMO_SECRET })
      if (status === 200) answered += 1
      else failed.push({ status, body })
    }
  }
}
