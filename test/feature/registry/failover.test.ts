/** A secret that is rotated while Redis fails over: what an operator was told stays true. */

import { expect, it, onTestFinished, vi } from 'vitest'

import { StoreUnavailable } from '../../../src/faults/store.ts'
import { within } from '../../support/figures.ts'
import { describeWithRedis, startSentinel } from '../../support/redis.ts'
import { start } from '../../support/start.ts'
import { callEndpoint } from '../../support/user-agent.ts'

const ORDERS = 'https://orders.example'

describeWithRedis('a secret that is rotated again and again while the primary dies', () => {
  it('is the one that was printed last, together with the one before, on every server', async () => {
    const redis = await startSentinel({ replicas: 2 })
    onTestFinished(() => redis.close())
    const app = await start({ nodes: 2, redisUrl: redis.url })
    onTestFinished(() => app.close())
    const changes = app.nodes[0]?.registration.changes
    if (changes === undefined) throw new TypeError('there are two nodes')
    const machine = { client_id: 'rotated', grant_types: ['client_credentials'], apis: { [ORDERS]: ['orders:read'] } }
    const { secret: first = '' } = await changes.addClient(machine)
    const rotate = async (again: boolean) =>
      (await changes.rotateSecret('rotated', { oldForSeconds: 3600, again })).secret ?? ''
    let printed = await rotate(false)
    let [rotations, failures] = [0, 0]

    // A command that failed is run once more with --again, as its message says.
    const rotating = async (isOver: () => boolean) => {
      while (!isOver()) {
        try {
          printed = await rotate(true)
          rotations += 1
        } catch (error) {
          expect(error).toBeInstanceOf(StoreUnavailable)
          failures += 1
          await vi.waitFor(async () => (printed = await rotate(true)), within(60_000, 100))
        }
      }
    }
    let isOver = false
    const done = rotating(() => isOver)
    await vi.waitFor(() => expect(rotations).toBeGreaterThan(5), within(30_000))
    await redis.primary.kill()
    await vi.waitFor(() => expect(failures).toBeGreaterThan(0), within(60_000))
    const before = rotations
    await vi.waitFor(() => expect(rotations).toBeGreaterThan(before + 5), within(60_000))
    isOver = true
    await done

    const statusOf = async (url: string, secret: string) =>
      (await callEndpoint(`${url}/token`, { grant_type: 'client_credentials' }, { id: 'rotated', secret })).status
    for (const url of app.urls) {
      await vi.waitFor(async () => expect(await statusOf(url, printed)).toBe(200), within(30_000, 50))
      expect(await statusOf(url, first)).toBe(200)
      expect(await statusOf(url, 'another-secret')).toBe(401)
    }
  })
})
