import { describe, expect, it, vi } from 'vitest'

import { ClientUnknown } from '../../src/faults/registry.ts'
import { StoreUnavailable } from '../../src/faults/store.ts'
import { createClientCache } from '../../src/clients/client-cache.ts'
import { createClients } from '../../src/clients/clients.ts'
import { openRegistryLog } from '../../src/records/registry-log.ts'
import type { Registered } from '../../src/registry/origin.ts'
import type { ClientSettings } from '../../src/registry/client/client.ts'
import type { Store } from '../../src/store/store.ts'
import { aClient, openTestRegistry } from '../registration/open.ts'
import { openTestStore, openTestStores } from '../support/embedded-store.ts'
import { within } from '../support/figures.ts'
import { movableClock } from '../support/movable-clock.ts'

const declared = (...clients: ClientSettings[]) => ({ apis: [], clients, defaultApi: undefined })

describe('a client', () => {
  it('is found by its id, exactly as it is written', async () => {
    const clock = movableClock()
    const { clients, file } = await openTestRegistry(await openTestStore(clock), clock)
    await file.apply(declared(aClient('web'), aClient('spa')))

    expect((await clients.findClient('spa'))?.clientId).toBe('spa')
    expect(await clients.findClient('SPA')).toBeUndefined()
    expect((await clients.getClient('web')).clientId).toBe('web')
  })

  it.each(['other', '', '__proto__', 'constructor', 'x'.repeat(201), 'a\nb'])(
    'is none called "%s"',
    async (clientId) => {
      const clock = movableClock()
      const { clients, file } = await openTestRegistry(await openTestStore(clock), clock)
      await file.apply(declared(aClient('web')))

      expect(await clients.findClient(clientId)).toBeUndefined()
      expect(clients.heldClient(clientId)).toBeUndefined()
      await expect(clients.getClient(clientId)).rejects.toThrow(ClientUnknown)
    },
  )

  it('is held after its first use, and is the same object until it changes', async () => {
    const clock = movableClock()
    const { clients, file } = await openTestRegistry(await openTestStore(clock), clock)
    await file.apply(declared(aClient('web')))

    expect(clients.heldClient('web')).toBeUndefined()
    const found = await clients.findClient('web')
    expect(clients.heldClient('web')).toBe(found)
    expect(await clients.findClient('web')).toBe(found)

    await file.apply(declared(aClient('web', { clientName: 'Another name' })))
    expect(clients.heldClient('web')).toBeUndefined()
    expect((await clients.findClient('web'))?.clientName).toBe('Another name')
  })

  it('that is disabled is not found, though it is on record', async () => {
    const clock = movableClock()
    const { clients, clientRecords, file } = await openTestRegistry(await openTestStore(clock), clock)
    await file.apply(declared(aClient('web', { disabled: true })))

    expect(await clients.findClient('web')).toBeUndefined()
    expect(await clients.findClient('web')).toBeUndefined()
    expect((await clientRecords.read('web'))?.settings.disabled).toBe(true)
  })

  it('changes on another server within a second', async () => {
    const clock = movableClock()
    const [one, other] = (await openTestStores(clock, 2)) as [Store, Store]
    const [here, there] = [await openTestRegistry(one, clock), await openTestRegistry(other, clock)]
    await here.file.apply(declared(aClient('web')))
    expect((await there.clients.findClient('web'))?.clientName).toBe('web')

    await here.file.apply(declared(aClient('web', { clientName: 'Another name' })))

    await vi.waitFor(
      async () => expect((await there.clients.findClient('web'))?.clientName).toBe('Another name'),
      within(1000),
    )
  })

  it('that is not held while the store is away is not unknown: the look-up fails', async () => {
    const registryLog = { onChange: () => undefined, isChanging: () => false }
    const records = { read: () => Promise.reject(new StoreUnavailable({ detail: 'away' })) }
    const clients = createClients({ records, registryLog, builtIn: [aClient('grantor-account')] })

    await expect(clients.findClient('web')).rejects.toThrow(StoreUnavailable)
    expect((await clients.findClient('grantor-account'))?.clientId).toBe('grantor-account')
  })

  it('is not kept while a change of it is under way, so that no old one stays', async () => {
    const clock = movableClock()
    const store = await openTestStore(clock)
    const { clients, file, registryLog } = await openTestRegistry(store, clock)
    await file.apply(declared(aClient('web')))
    const writing = Promise.withResolvers<void>()

    const change = registryLog.change(['client web'], () => writing.promise)
    await vi.waitFor(() => expect(registryLog.isChanging('client web')).toBe(true))
    await clients.findClient('web')
    expect(clients.heldClient('web')).toBeUndefined()

    writing.resolve()
    await change
    await clients.findClient('web')
    expect(clients.heldClient('web')).toBeDefined()
  })

  it('may be kept again some time after a writer that died, when its write must be over', async () => {
    const clock = movableClock()
    const [store, other] = (await openTestStores(clock, 2)) as [Store, Store]
    const monotonic = movableClock()
    const registryLog = await openRegistryLog({ store, clock, monotonic })
    const changed: unknown[] = []
    registryLog.onChange((name) => changed.push(name))

    await other.append('registry', JSON.stringify({ id: 'of one that died', names: ['client web'] }), 60)
    await vi.waitFor(() => expect(registryLog.isChanging('client web')).toBe(true))
    monotonic.moveSeconds(11)

    await vi.waitFor(() => expect(registryLog.isChanging('client web')).toBe(false), within(2000))
    expect(changed).toEqual(['client web', 'client web'])
    registryLog.close()
  })

  it('is read once, however many ask for it at the same time', async () => {
    let reads = 0
    const records = {
      read: async () => {
        reads += 1
        return undefined
      },
    }
    const clients = createClients({
      records,
      registryLog: { onChange: () => undefined, isChanging: () => false },
      builtIn: [],
    })

    await Promise.all(Array.from({ length: 100 }, () => clients.findClient('stranger')))

    expect(reads).toBe(1)
  })
})

describe('the clients that a server holds', () => {
  const record = (clientId: string): Registered<ClientSettings> => ({
    settings: aClient(clientId),
    origin: 'admin',
    version: 1,
    changedAt: 0,
  })

  it('are bounded in number: those that are not used make room', () => {
    const cache = createClientCache({ clients: 3, bytes: 1_000_000 })
    for (const id of ['a', 'b', 'c']) cache.keep(record(id))
    cache.read('a')

    cache.keep(record('d'))

    expect(['a', 'b', 'c', 'd'].map((id) => cache.read(id) !== undefined)).toEqual([true, false, true, true])
  })

  it('are bounded in size, and one that is larger than all is not held', () => {
    const cache = createClientCache({ clients: 100, bytes: 2000 })
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) cache.keep(record(id))
    const large = {
      ...record('large'),
      settings: aClient('large', { redirectUris: [`https://${'x'.repeat(3000)}.example`] }),
    }
    cache.keep(large)

    expect(cache.read('large')).toBeUndefined()
    expect(cache.read('a')).toBeUndefined()
    expect(cache.read('f')).toBeDefined()
  })
})
