import { describe, expect, it } from 'vitest'

import { ConfigInvalid } from '../../src/faults/start.ts'
import { countsOf, type Declarations } from '../../src/registration/differences.ts'
import { secretSha256 } from '../../src/registry/entries.ts'
import { keys } from '../../src/store/keys.ts'
import type { Store } from '../../src/store/store.ts'
import { openTestStore, openTestStores } from '../support/embedded-store.ts'
import { movableClock } from '../support/movable-clock.ts'
import { aClient, anApi, openTestRegistry } from './open.ts'

const ORDERS = anApi('https://orders.example')
const REPORTS = anApi('https://reports.example')

function declared(parts: Partial<Declarations> = {}): Declarations {
  return { apis: [ORDERS], clients: [aClient('web')], defaultApi: ORDERS.audience, ...parts }
}

async function opened() {
  const clock = movableClock()
  const store = await openTestStore(clock)
  return { ...(await openTestRegistry(store, clock)), store, clock }
}

describe('what a file no longer declares', () => {
  const first = declared({ clients: [aClient('web'), aClient('old')], apis: [ORDERS, REPORTS] })
  const second = declared({ clients: [aClient('web')], apis: [ORDERS] })

  it('stays, and is shown by the next plan, where nothing is to be removed', async () => {
    const { file, revocation, clock } = await opened()
    await file.apply(first)

    const { differences, kept } = await file.apply(second, { removes: 'nothing' })

    expect(countsOf(differences)).toEqual({ added: 0, changed: 0, removed: 0 })
    expect(kept).toEqual({ names: ['the client old', `the API ${REPORTS.audience}`], because: 'not_allowed' })
    expect((await file.read()).clients).toEqual([aClient('old'), aClient('web')])
    expect(revocation.hasEnded({ clientId: 'old', issuedAt: Math.floor(clock() / 1000) })).toBe(false)
    expect(countsOf(await file.plan(second))).toEqual({ added: 0, changed: 0, removed: 2 })
    expect((await file.apply(second, { removes: 'nothing' })).version).toBe(
      (await file.apply(second, { removes: 'nothing' })).version,
    )
    expect(countsOf((await file.apply(second)).differences).removed).toBe(2)
  })

  it('goes by a file that is new, and stays by one that another file has replaced', async () => {
    const { file } = await opened()
    const removes = 'not_replaced' as const
    await file.apply(first, { removes })
    expect(countsOf((await file.apply(second, { removes })).differences).removed).toBe(2)
    const third = declared({ clients: [aClient('web'), aClient('new')], apis: [ORDERS] })
    await file.apply(third, { removes })

    const again = await file.apply(second, { removes })

    expect(again.kept).toEqual({ names: ['the client new'], because: 'replaced' })
    expect((await file.read()).clients.map(({ clientId }) => clientId)).toEqual(['new', 'web'])
  })

  it('stays by a replaced file however often servers restart with it, and goes when an operator applies it', async () => {
    const { file } = await opened()
    const removes = 'not_replaced' as const
    await file.apply(second, { removes })
    await file.apply(first, { removes })

    for (let restart = 0; restart < 3; restart++) await file.apply(second, { removes })
    expect((await file.read()).clients).toHaveLength(2)
    await file.apply(second)
    expect((await file.apply(second, { removes })).kept).toBeUndefined()
    expect((await file.read()).clients).toEqual([aClient('web')])
  })
})

describe('a file that is applied', () => {
  it('adds, changes and removes what it declares, and a second time changes nothing', async () => {
    const { file } = await opened()
    await file.apply(declared({ clients: [aClient('web'), aClient('old')] }))
    const next = declared({ clients: [aClient('web', { clientName: 'Web' }), aClient('new')], apis: [ORDERS, REPORTS] })

    const first = await file.apply(next)
    const second = await file.apply(next)

    expect(countsOf(first.differences)).toEqual({ added: 2, changed: 1, removed: 1 })
    expect(countsOf(second.differences)).toEqual({ added: 0, changed: 0, removed: 0 })
    expect(second.version).toBe(first.version)
    expect(await file.read()).toEqual({
      apis: [ORDERS, REPORTS],
      clients: [aClient('new'), aClient('web', { clientName: 'Web' })],
      defaultApi: ORDERS.audience,
    })
  })

  it('says beforehand exactly what it changes, and changes nothing by that', async () => {
    const { file } = await opened()
    await file.apply(declared())

    const plan = await file.plan(declared({ clients: [aClient('web', { firstParty: true })] }))

    expect(plan.clients).toMatchObject([
      { id: 'web', before: { settings: { firstParty: false } }, after: { firstParty: true } },
    ])
    expect(plan.apis).toEqual([])
    expect((await file.read()).clients).toEqual([aClient('web')])
  })

  it('does not depend on the order of mappings', async () => {
    const { file } = await opened()
    const apis = { 'https://a.example': ['a'], 'https://b.example': ['b'] }
    await file.apply(declared({ clients: [aClient('web', { apis })] }))

    const turned = Object.fromEntries(Object.entries(apis).reverse())
    const plan = await file.plan(declared({ clients: [aClient('web', { apis: turned })] }))

    expect(plan.clients).toEqual([])
  })

  it('never touches what has another origin, and says so', async () => {
    const { file, changes, clientRecords } = await opened()
    await changes.addClient({
      client_id: 'theirs',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['https://their.example/'],
    })

    const { differences } = await file.apply(declared({ clients: [aClient('theirs', { firstParty: true })] }))
    await file.apply(declared({ clients: [] }))

    expect(differences.conflicts).toEqual([{ name: 'the client theirs', origin: 'admin' }])
    expect(await clientRecords.read('theirs')).toMatchObject({
      origin: 'admin',
      version: 1,
      settings: { firstParty: false },
    })
  })

  it('ends what a client holds that it removes or disables, and of no other', async () => {
    const { file, revocation, clock } = await opened()
    const issuedAt = Math.floor(clock() / 1000)
    const hasEnded = (clientId: string) => revocation.hasEnded({ clientId, issuedAt })
    await file.apply(declared({ clients: [aClient('a'), aClient('b'), aClient('c')] }))

    await file.apply(declared({ clients: [aClient('b', { disabled: true }), aClient('c', { clientName: 'C' })] }))

    expect(['a', 'b', 'c'].map(hasEnded)).toEqual([true, true, false])
  })

  it('writes nothing when a client is refused', async () => {
    const { file } = await opened()
    const refusalOf = ({ clientId }: { clientId: string }) => (clientId === 'bad' ? 'it is bad' : undefined)

    const applied = file.apply(declared({ clients: [aClient('good'), aClient('bad')] }), { refusalOf })

    await expect(applied).rejects.toMatchObject({ problems: ['client bad: it is bad.'] })
    expect(await file.read()).toEqual({ apis: [], clients: [], defaultApi: undefined })
  })

  it('finishes what a server left that died in between', async () => {
    const { file, clientRecords } = await opened()
    const first = declared({ clients: [aClient('web'), aClient('half')] })
    await file.apply(first)
    // One of two records was written by a server that then died.
    const half = await clientRecords.read('half')
    await clientRecords.write(aClient('half', { clientName: 'Written' }), 'file', half)

    await file.apply(first)

    expect((await file.read()).clients).toEqual([aClient('half'), aClient('web')])
  })

  it('keeps the secret of an API that it only names, and refuses a name of no secret', async () => {
    const { file, apis } = await opened()
    const secret = Buffer.from('0123456789abcdef0123456789abcdef')
    const shared = { ...ORDERS, algorithm: 'HS256', opensUserinfo: false } as const
    await file.apply(declared({ apis: [{ ...shared, secret }] }))

    const named = { ...shared, secretSha256: secretSha256(secret) }
    expect((await file.plan(declared({ apis: [named] }))).apis).toEqual([])
    await apis.settled()
    expect(Buffer.from(apis.findApi(ORDERS.audience)?.secret ?? []).equals(secret)).toBe(true)
    const wrong = { ...shared, secretSha256: secretSha256(Buffer.from('another')) }
    await expect(file.apply(declared({ apis: [wrong] }))).rejects.toThrow(ConfigInvalid)
  })

  it('is the last of several that servers apply at the same time, whole, and each says that it replaced another', async () => {
    const clock = movableClock()
    const stores = await openTestStores(clock, 3)
    const servers = await Promise.all(stores.map((store) => openTestRegistry(store, clock)))
    const files = servers.map((_, at) =>
      declared({ clients: [aClient('web', { clientName: `of ${at}` }), aClient(`only-${at}`)] }),
    )

    const applied = await Promise.all(servers.map(({ file }, at) => file.apply(files[at] as Declarations)))

    const inForce = (await servers[0]?.file.read())?.clients.map(({ clientId, clientName }) => [clientId, clientName])
    const last = applied.findIndex(({ version }) => version === Math.max(...applied.map((one) => one.version)))
    expect(inForce).toEqual([
      [`only-${last}`, `only-${last}`],
      ['web', `of ${last}`],
    ])
    expect(applied.filter(({ replacedAnother }) => replacedAnother).length).toBeGreaterThan(0)
    expect(applied[last]?.replacedAnother).toBe(true)
  })

  it('is applied again after the store has lost something only where no other was applied since', async () => {
    const { file } = await opened()
    const [mine, newer] = [declared(), declared({ clients: [aClient('newer')] })]
    await file.apply(mine)
    await file.apply(newer)

    await file.apply(mine, { onlyIfLast: true })

    expect((await file.read()).clients).toEqual([aClient('newer')])
  })
})

describe('records in the store', () => {
  it('are sealed: one that was altered or moved is not opened', async () => {
    const { file, clientRecords, store } = await opened()
    await file.apply(declared({ clients: [aClient('web'), aClient('spa')] }))
    const { value = '' } = (await store.get(keys.client('web'))) ?? {}

    expect(value).not.toContain('app.example')
    await (store as Store).put(keys.client('spa'), value)

    await expect(clientRecords.read('spa')).rejects.toMatchObject({ code: 'seal_broken' })
  })

  it('are all listed, whatever their number', async () => {
    const { file, clientRecords } = await opened()
    const ids = Array.from({ length: 300 }, (_, at) => `client-${at}`)
    await file.apply(declared({ clients: ids.map((id) => aClient(id)) }))
    await file.apply(declared({ clients: ids.slice(0, 250).map((id) => aClient(id)) }))

    const listed: string[] = []
    for await (const page of clientRecords.readAll()) listed.push(...page.map(({ settings }) => settings.clientId))

    expect(listed.toSorted()).toEqual(ids.slice(0, 250).toSorted())
  })
})
