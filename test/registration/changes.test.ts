import { describe, expect, it } from 'vitest'

import {
  ApiUnknown,
  ClientUnknown,
  RegistryEntryChanged,
  RegistryEntryElsewhere,
  RegistryEntryExists,
  RegistryEntryInvalid,
} from '../../src/faults/registry.ts'
import { isSecretOf } from '../../src/clients/secrets.ts'
import { openTestStore } from '../support/embedded-store.ts'
import { type MovableClock, movableClock } from '../support/movable-clock.ts'
import { aClient, anApi, ISSUER, openTestRegistry } from './open.ts'

const ORDERS = 'https://orders.example'
const MACHINE = { client_id: 'machine', grant_types: ['client_credentials'], apis: { [ORDERS]: ['read'] } }

async function opened() {
  const clock = movableClock()
  const registry = await openTestRegistry(await openTestStore(clock), clock)
  await registry.file.apply({ apis: [anApi(ORDERS)], clients: [aClient('of-the-file')], defaultApi: ORDERS })
  await registry.apis.settled()
  return { ...registry, clock }
}

const seconds = (clock: MovableClock) => Math.floor(clock() / 1000)

describe('an operator who adds a client', () => {
  it('is given its secret once, and the store has only the hash', async () => {
    const { changes, clients, clock } = await opened()

    const { client, secret = '' } = await changes.addClient(MACHINE)

    expect(client).toMatchObject({ origin: 'admin', version: 1 })
    expect(secret).toHaveLength(43)
    expect(JSON.stringify(client.settings)).not.toContain(secret)
    expect(isSecretOf(await clients.getClient('machine'), secret, seconds(clock))).toBe(true)
  })

  it.each([
    ['an unknown setting', { ...MACHINE, grants: [] }, 'client.grants is not a setting'],
    ['an identifier of an account', { ...MACHINE, client_id: 'usr_ana' }, 'does not begin with usr_'],
    ['an identifier of the server itself', { ...MACHINE, client_id: 'grantor-x' }, 'does not begin with grantor-'],
    [
      'an API that does not exist',
      { ...MACHINE, apis: { 'https://no.example': ['read'] } },
      'an API that is not declared',
    ],
    [
      'a scope that the API does not have',
      { ...MACHINE, apis: { [ORDERS]: ['delete'] } },
      'which that API does not have',
    ],
    ['a redirect URI in clear', { client_id: 'web', redirect_uris: ['http://app.example/'] }, 'it wants https'],
    [
      'several hosts with one sector',
      { client_id: 'web', subject_type: 'pairwise', redirect_uris: ['https://a.example/', 'https://b.example/'] },
      'has several hosts',
    ],
  ])('is refused %s, by the rules of grantor.yaml', async (_what, entry, sentence) => {
    const { changes } = await opened()

    const added = changes.addClient(entry)

    await expect(added).rejects.toThrow(RegistryEntryInvalid)
    await expect(added).rejects.toThrow(sentence)
  })

  it.each(['of-the-file', 'machine'])('is refused a name that is taken: %s', async (taken) => {
    const { changes } = await opened()
    await changes.addClient(MACHINE)

    await expect(changes.addClient({ ...MACHINE, client_id: taken })).rejects.toThrow(RegistryEntryExists)
  })

  it('is refused a secret that an API shares', async () => {
    const { changes, file, apis } = await opened()
    const secret = 'c2VjcmV0LW9mLTMyLXJhbmRvbS1ieXRlcy1oZXJlISE'
    const shared = anApi(ORDERS, { algorithm: 'HS256', opensUserinfo: false, secret: Buffer.from(secret, 'base64url') })
    await file.apply({ apis: [shared], clients: [], defaultApi: ORDERS })
    await apis.settled()

    await expect(changes.addClient({ ...MACHINE, client_secret: secret })).rejects.toThrow('is also that of the client')
  })
})

describe('an operator who changes a client', () => {
  it('changes what is given and keeps the rest, its secret too', async () => {
    const { changes, clock } = await opened()
    const { secret = '' } = await changes.addClient({ ...MACHINE, client_name: 'Machine' })

    const changed = await changes.setClient('machine', { client_name: 'Another name' })

    expect(changed).toMatchObject({
      version: 2,
      settings: { clientName: 'Another name', apis: { [ORDERS]: ['read'] } },
    })
    expect(isSecretOf(changed.settings, secret, seconds(clock))).toBe(true)
    expect((await changes.setClient('machine', { client_name: undefined })).settings.clientName).toBe('machine')
  })

  it('learns it when another editor was first', async () => {
    const { changes } = await opened()
    await changes.addClient(MACHINE)

    const editors = await Promise.allSettled(
      ['one', 'other'].map((name) => changes.setClient('machine', { client_name: name }, { ifVersion: 1 })),
    )
    const late = changes.setClient('machine', { client_name: 'late' }, { ifVersion: 1 })

    expect(editors.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(editors.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: expect.any(RegistryEntryChanged),
    })
    await expect(late).rejects.toThrow(RegistryEntryChanged)
    await expect(changes.removeClient('machine', { ifVersion: 1 })).rejects.toThrow(RegistryEntryChanged)
  })

  it('is sent to the file for what the file declares', async () => {
    const { changes, clientRecords } = await opened()

    await expect(changes.setClient('of-the-file', { first_party: true })).rejects.toThrow(RegistryEntryElsewhere)
    await expect(changes.removeClient('of-the-file')).rejects.toThrow(RegistryEntryElsewhere)
    await expect(changes.setApi(ORDERS, { name: 'Orders' })).rejects.toThrow(RegistryEntryElsewhere)
    expect((await clientRecords.read('of-the-file'))?.version).toBe(1)
  })

  it('gets what it holds ended when it is disabled or removed', async () => {
    const { changes, revocation, clients, clock } = await opened()
    const issuedAt = seconds(clock)
    await changes.addClient(MACHINE)
    await changes.addClient({ ...MACHINE, client_id: 'other' })

    await changes.setClient('machine', { disabled: true })
    await changes.removeClient('other')

    for (const clientId of ['machine', 'other']) {
      expect(revocation.hasEnded({ clientId, issuedAt })).toBe(true)
      expect(await clients.findClient(clientId)).toBeUndefined()
    }
    await expect(changes.removeClient('other')).rejects.toThrow(ClientUnknown)
    await changes.setClient('machine', { disabled: false })
    expect(await clients.findClient('machine')).toBeDefined()
    expect(revocation.hasEnded({ clientId: 'machine', issuedAt })).toBe(true)
  })
})

describe('a secret that is rotated', () => {
  it('is valid together with the one before, until that ends', async () => {
    const { changes, clock } = await opened()
    const { secret: old = '' } = await changes.addClient(MACHINE)

    const { client, secret: fresh = '' } = await changes.rotateSecret('machine', { oldForSeconds: 3600 })

    const areValid = () => [old, fresh, 'wrong'].map((secret) => isSecretOf(client.settings, secret, seconds(clock)))
    expect(areValid()).toEqual([true, true, false])
    clock.moveSeconds(3600)
    expect(areValid()).toEqual([false, true, false])
  })

  it('ends the one before at once when it was told so', async () => {
    const { changes, clock } = await opened()
    const { secret: old = '' } = await changes.addClient(MACHINE)

    const { client } = await changes.rotateSecret('machine', { oldForSeconds: 0 })

    expect(isSecretOf(client.settings, old, seconds(clock))).toBe(false)
  })

  it('never pushes out the one in use: a third is refused until the first has ended', async () => {
    const { changes, clock } = await opened()
    const { secret: inUse = '' } = await changes.addClient(MACHINE)
    const { secret: lost = '' } = await changes.rotateSecret('machine', { oldForSeconds: 3600 })

    await expect(changes.rotateSecret('machine', { oldForSeconds: 3600 })).rejects.toThrow('two secrets already')
    // The answer to the first rotation was lost in a failover: another is drawn in place of that secret.
    const { client, secret: fresh = '' } = await changes.rotateSecret('machine', { oldForSeconds: 3600, again: true })
    const areValid = [inUse, lost, fresh].map((secret) => isSecretOf(client.settings, secret, seconds(clock)))

    expect(areValid).toEqual([true, false, true])
    clock.moveSeconds(3600)
    await changes.rotateSecret('machine', { oldForSeconds: 3600 })
  })

  it('keeps both when another setting changes, and neither when the client has no secret any more', async () => {
    const { changes, clock } = await opened()
    const { secret: old = '' } = await changes.addClient(MACHINE)
    await changes.rotateSecret('machine', { oldForSeconds: 3600 })

    const { settings } = await changes.setClient('machine', { client_name: 'Another name' })
    expect(isSecretOf(settings, old, seconds(clock))).toBe(true)
    expect(settings.oldSecretEndsAt).toBe(seconds(clock) + 3600)

    const publicOne = await changes.setClient('machine', {
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code'],
      redirect_uris: ['https://app.example/'],
    })
    expect(publicOne.settings.secretHash).toBeUndefined()
    expect(publicOne.settings.oldSecretHash).toBeUndefined()
  })
})

describe('an operator who changes an API', () => {
  it('adds, changes and removes it', async () => {
    const { changes, apis } = await opened()

    await changes.addApi({ audience: 'https://new.example', scopes: { read: 'Read' } })
    await changes.setApi('https://new.example', { token: { lifetime: '5m' } }, { ifVersion: 1 })
    await apis.settled()
    expect(apis.findApi('https://new.example')).toMatchObject({ accessTokenSeconds: 300, scopes: { read: 'Read' } })

    await changes.removeApi('https://new.example')
    await apis.settled()
    expect(apis.findApi('https://new.example')).toBeUndefined()
    await expect(changes.setApi('https://new.example', {})).rejects.toThrow(ApiUnknown)
  })

  it('keeps a secret that it shares, and is refused one of a client', async () => {
    const { changes, apis } = await opened()
    const secret = 'qLr0vZ1xX8wq5dXo3rQ0s2b7o0e8C1d9e5F6a7B8c9A='
    await changes.addClient({ ...MACHINE, client_secret: secret })

    const token = { algorithm: 'HS256', secret }
    await expect(changes.addApi({ audience: 'https://new.example', token })).rejects.toThrow(
      'is also that of the client',
    )

    await changes.removeClient('machine')
    await changes.addApi({ audience: 'https://new.example', token })
    await apis.settled()
    await changes.setApi('https://new.example', { name: 'New' })
    await apis.settled()
    expect(Buffer.from(apis.findApi('https://new.example')?.secret ?? []).toString('base64')).toBe(secret)
  })

  it('names only clients with credentials that may ask about tokens', async () => {
    const { changes } = await opened()
    const entry = { audience: 'https://new.example', introspected_by: ['of-the-file'] }

    await expect(changes.addApi(entry)).rejects.toThrow('a public client')
    await expect(changes.addApi({ ...entry, introspected_by: ['nobody'] })).rejects.toThrow('is no client')
    await expect(changes.addApi({ audience: ISSUER, token: { algorithm: 'HS256', secret: 'x' } })).rejects.toThrow()
  })
})
