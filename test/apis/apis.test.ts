import { describe, expect, it, vi } from 'vitest'

import type { ApiSettings } from '../../src/registry/api/api.ts'
import type { Store } from '../../src/store/store.ts'
import { anApi, openTestRegistry } from '../registration/open.ts'
import { openTestStore, openTestStores } from '../support/embedded-store.ts'
import { within } from '../support/figures.ts'
import { movableClock } from '../support/movable-clock.ts'

const ORDERS = anApi('https://orders.example', { scopes: { 'orders:read': 'See your orders', read: 'Read orders' } })
const REPORTS = anApi('https://reports.example', { scopes: { 'reports:read': 'See reports', read: 'Read reports' } })

const declared = (...apis: ApiSettings[]) => ({ apis, clients: [], defaultApi: apis[0]?.audience })

async function opened(...apis: ApiSettings[]) {
  const clock = movableClock()
  const registry = await openTestRegistry(await openTestStore(clock), clock)
  await registry.file.apply(declared(...apis))
  await registry.apis.settled()
  return registry
}

describe('apis', () => {
  it('are found by their audience, exactly as it is written', async () => {
    const { apis } = await opened(ORDERS, REPORTS)

    expect(apis.findApi('https://reports.example')).toEqual(REPORTS)
    expect(apis.findApi('https://reports.example/')).toBeUndefined()
    expect(apis.listApis()).toHaveLength(2)
    expect(apis.defaultApi).toBe('https://orders.example')
  })

  it('have the sentence of that API for a scope, and else the scope itself', async () => {
    const { apis } = await opened(ORDERS, REPORTS)

    expect(apis.sentenceFor('https://reports.example', 'read')).toBe('Read reports')
    expect(apis.sentenceFor('https://reports.example', 'orders:read')).toBe('orders:read')
    expect(apis.sentenceFor('https://other.example', 'read')).toBe('read')
    expect(apis.sentenceFor('https://orders.example', 'constructor')).toBe('constructor')
  })

  it('keep the secret that they share', async () => {
    const secret = Buffer.from('0123456789abcdef0123456789abcdef')
    const { apis } = await opened({ ...ORDERS, algorithm: 'HS256', opensUserinfo: false, secret })

    expect(Buffer.from(apis.findApi(ORDERS.audience)?.secret ?? []).equals(secret)).toBe(true)
  })

  it('change on another server within a second, the default among them', async () => {
    const clock = movableClock()
    const [one, other] = (await openTestStores(clock, 2)) as [Store, Store]
    const [here, there] = [await openTestRegistry(one, clock), await openTestRegistry(other, clock)]

    await here.file.apply(declared(ORDERS, REPORTS))
    await vi.waitFor(() => expect(there.apis.listApis()).toHaveLength(2), within(1000))
    await here.file.apply(declared({ ...REPORTS, accessTokenSeconds: 60 }))

    await vi.waitFor(() => {
      expect(there.apis.findApi(ORDERS.audience)).toBeUndefined()
      expect(there.apis.findApi(REPORTS.audience)?.accessTokenSeconds).toBe(60)
      expect(there.apis.defaultApi).toBe(REPORTS.audience)
    }, within(1000))
  })

  it('are in force only when the ring has a key for them and overlaps as long as their tokens live', async () => {
    const { served, file } = await opened(ORDERS)

    await file.apply(declared(ORDERS, { ...REPORTS, algorithm: 'PS256', accessTokenSeconds: 7200 }))

    expect(served).toEqual([
      { algorithm: 'RS256', tokenSeconds: 600 },
      { algorithm: 'PS256', tokenSeconds: 7200 },
    ])
  })
})
