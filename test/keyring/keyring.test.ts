import { randomBytes } from 'node:crypto'
import { calculateJwkThumbprint, CompactSign, compactVerify, importJWK, type JWK } from 'jose'
import { describe, expect, it, onTestFinished, vi } from 'vitest'

import type { Fault } from '../../src/faults/fault.ts'
import { KeyInUse, KeyUnknown, RootKeyWrong, SealBroken } from '../../src/faults/keyring.ts'
import { faultText } from '../../src/i18n/fault-text.ts'
import { rootKeyId } from '../../src/base/sealing.ts'
import type { Keyring } from '../../src/keyring/keyring.ts'
import { keys, logs } from '../../src/store/keys.ts'
import type { Store } from '../../src/store/store.ts'
import { createCanaries } from '../support/canaries.ts'
import { openTestStore, openTestStores } from '../support/embedded-store.ts'
import { movableClock } from '../support/movable-clock.ts'
import {
  aNode,
  keyIds,
  OVERLAP_SECONDS,
  RETIRED_SECONDS,
  ROOT_KEY,
  recorded,
  secretsOf,
  signersOf,
} from './one-node.ts'
import { expectFigure, within } from '../support/figures.ts'

function algorithmsOf({ publicJwks }: Keyring): string[] {
  return publicJwks.map(({ alg }) => alg)
}

describe('the key ring', () => {
  const clock = movableClock()

  it('is made at the first start and read at the next', async () => {
    const store = await openTestStore(clock)

    const first = (await aNode(store, clock)).current()
    const second = (await aNode(store, clock)).current()

    expect(second).toEqual(first)
    expect(first).toMatchObject({ version: 1, rootKeyId: rootKeyId(ROOT_KEY) })
    expect(algorithmsOf(first)).toEqual(['RS256', 'ES256', 'EdDSA'])
    expect(await recorded(store)).toEqual(['created'])
  })

  it('is one, though eight nodes make it at once', async () => {
    const stores = await openTestStores(clock, 8)

    const nodes = await Promise.all(stores.map((store) => aNode(store, clock)))

    for (const node of nodes) expect(node.current()).toEqual(nodes[0]?.current())
    expect(await recorded(stores[0] as Store)).toEqual(['created'])
  })

  it('[S84] has only keys of full strength, each named by its thumbprint', async () => {
    const { signingJwks: jwks } = (await aNode(await openTestStore(clock), clock, { algorithms: ['PS256'] })).current()

    for (const jwk of jwks) {
      expect(jwk).toMatchObject({ use: 'sig', kid: await calculateJwkThumbprint(jwk) })
      expect(['RSA', 'EC', 'OKP']).toContain(jwk.kty)
      if (jwk.kty === 'RSA') expect(Buffer.from(jwk.n ?? '', 'base64url').length * 8).toBeGreaterThanOrEqual(2048)
      if (jwk.kty === 'EC') expect(jwk.crv).toBe('P-256')
      if (jwk.kty === 'OKP') expect(jwk.crv).toBe('Ed25519')
    }
    expect(new Set(jwks.map(({ kid }) => kid)).size).toBe(jwks.length)
  })

  it.each(['RS256', 'PS256', 'ES256', 'EdDSA'] as const)('signs with %s what its public half verifies', async (alg) => {
    const { signingJwks: jwks } = (await aNode(await openTestStore(clock), clock, { algorithms: ['PS256'] })).current()
    const jwk = jwks.find((key) => key.alg === alg) as JWK
    const { d: _, p: __, q: ___, dp: ____, dq: _____, qi: ______, ...publicJwk } = jwk

    const signed = await new CompactSign(Buffer.from('said')).setProtectedHeader({ alg }).sign(await importJWK(jwk))

    const { payload } = await compactVerify(signed, await importJWK(publicJwk))
    expect(Buffer.from(payload).toString()).toBe('said')
  })

  it('[S84] has no key for HS256, whose secret is shared with the API', async () => {
    const node = await aNode(await openTestStore(clock), clock, { algorithms: ['HS256', 'RS256'] })

    expect(algorithmsOf(node.current())).not.toContain('HS256')
  })

  it('has secrets of 256 bits', async () => {
    const ring = (await aNode(await openTestStore(clock), clock)).current()

    expect([ring.csrfKey, ring.storeKey].map((key) => key.length)).toEqual([32, 32])
    const texts = [...ring.cookieKeys, ring.pairwiseSalt]
    for (const text of texts) expect(Buffer.from(text, 'base64url')).toHaveLength(32)
    const all = [...texts, ...[ring.csrfKey, ring.storeKey].map((key) => Buffer.from(key).toString('base64url'))]
    expect(new Set(all).size).toBe(4)
  })

  it('gets a key for an algorithm that is configured later, and keeps the others', async () => {
    const store = await openTestStore(clock)
    const before = (await aNode(store, clock)).current()

    const after = (await aNode(store, clock, { algorithms: ['PS256'] })).current()

    expect(after.version).toBe(2)
    expect(algorithmsOf(after)).toEqual(['RS256', 'ES256', 'EdDSA', 'PS256'])
    expect(after.signingJwks.slice(0, 3)).toEqual(before.signingJwks)
    expect(after).toMatchObject({ cookieKeys: before.cookieKeys, pairwiseSalt: before.pairwiseSalt })
    expect((await aNode(store, clock)).current()).toEqual(after)
    expect(await recorded(store)).toEqual(['created', 'key_signing'])
  })

  it('gets one such key, though eight nodes find it missing at once', async () => {
    const stores = await openTestStores(clock, 8)
    await aNode(stores[0] as Store, clock)

    const nodes = await Promise.all(stores.map((store) => aNode(store, clock, { algorithms: ['PS256'] })))

    for (const node of nodes) expect(node.current()).toEqual(nodes[0]?.current())
    expect(nodes[0]?.current().version).toBe(2)
  })
})

describe('a rotation', () => {
  async function aRing() {
    const clock = movableClock()
    const stores = await openTestStores(clock, 2)
    const [store, other] = stores as [Store, Store]
    return { clock, store, other, node: await aNode(store, clock) }
  }

  it('[S95] publishes each successor, lets it sign when every cache knows it, and keeps the old for its tokens', async () => {
    const { clock, node } = await aRing()
    const old = keyIds(node.current(), 'signing')

    const published = (await node.rotate(undefined)).keyring
    clock.moveSeconds(OVERLAP_SECONDS - 1)
    await node.advance()
    expect(keyIds(node.current(), 'signing')).toEqual(old)
    clock.moveSeconds(1)
    const turned = (await node.advance()).keyring
    clock.moveSeconds(RETIRED_SECONDS - 1)
    const later = (await node.advance()).keyring
    clock.moveSeconds(1)
    const gone = (await node.advance()).keyring

    expect(keyIds(turned, 'signing')).toEqual(keyIds(published, 'next'))
    expect(keyIds(turned, 'retired')).toEqual(old)
    expect(keyIds(later, 'retired')).toEqual(old)
    expect(keyIds(gone, 'retired')).toEqual([])
    expect(signersOf(gone)).toEqual({ RS256: 1, ES256: 1, EdDSA: 1 })
  })

  it('of one algorithm leaves the others alone', async () => {
    const { node } = await aRing()

    const { keyring } = await node.rotate('ES256')

    expect(keyring.keys.filter(({ state }) => state === 'next').map(({ algorithm }) => algorithm)).toEqual(['ES256'])
  })

  it('[S95] is told to every node within a second, and to none twice', async () => {
    const { clock, node, other } = await aRing()
    const follower = await aNode(other, clock)
    const heard: number[] = []
    onTestFinished(
      follower.follow(
        (ring) => heard.push(ring.version),
        (error) => expect.fail(String(error)),
      ),
    )

    const { keyring } = await node.rotate('ES256')
    const askedAt = performance.now()
    await vi.waitFor(() => expect(follower.current().version).toBe(keyring.version), within(1000, 5))

    expectFigure('ms until another node has the ring', performance.now() - askedAt, 1000)
    expect(follower.current()).toEqual(keyring)
    await node.rotateCookieKey()
    await vi.waitFor(() => expect(heard).toEqual([2, 3]), within(1000, 5))
  })

  it('is found within two seconds, though the node that made it died before it could tell', async () => {
    const { clock, node, other } = await aRing()
    const follower = await aNode(other, clock)
    const heard: number[] = []
    onTestFinished(
      follower.follow(
        (ring) => heard.push(ring.version),
        (error) => expect.fail(String(error)),
      ),
    )

    // What the put of a step leaves, and nothing after it.
    const entry = await other.get(keys.keyring())
    await node.rotateCookieKey()
    const turned = await other.get(keys.keyring())
    await vi.waitFor(() => expect(heard).toEqual([2]), within(1000, 5))
    await other.put(keys.keyring(), turned?.value ?? '', { ifVersion: turned?.version ?? 0 })

    expect(entry?.version).toBe(1)
    await vi.waitFor(() => expect(heard).toEqual([2, 3]), within(2000, 20))
  })

  it('is not reported to a listener that has stopped', async () => {
    const { node } = await aRing()
    const heard: number[] = []
    const stop = node.follow(
      (ring) => heard.push(ring.version),
      (error) => expect.fail(String(error)),
    )
    await node.rotateCookieKey()
    await vi.waitFor(() => expect(heard).toEqual([2]), within(1000, 5))

    stop()
    await node.rotateCookieKey()
    await node.refresh()
    await new Promise((resolve) => setImmediate(resolve))

    expect(heard).toEqual([2])
  })

  it('that cannot be read is told once, until it can be read again', async () => {
    const { clock, store, node } = await aRing()
    let rootKeys = [ROOT_KEY]
    const follower = await aNode(store, clock, { rootKeys: async () => rootKeys })
    const heard: string[] = []
    const stop = follower.follow(
      (ring) => heard.push(`version ${ring.version}`),
      (error) => heard.push((error as Error).name),
    )
    onTestFinished(stop)

    rootKeys = [randomBytes(32)]
    for (let turn = 0; turn < 3; turn++) await node.rotateCookieKey()
    await vi.waitFor(() => expect(heard).toEqual(['RootKeyWrong']), within(2000, 5))
    rootKeys = [ROOT_KEY]
    await vi.waitFor(() => expect(heard).toEqual(['RootKeyWrong', 'version 4']), within(2000, 5))
  })

  it('that is only tried writes nothing, whatever is asked', async () => {
    const { store, node } = await aRing()
    const before = await store.get(keys.keyring())
    const ring = node.current()
    const signing = keyIds(ring, 'signing', 'ES256')[0] ?? ''

    const dry = { dryRun: true }
    const outcomes = [
      await node.rotate(undefined, dry),
      await node.compromise(signing, dry),
      await node.rotateCookieKey(dry),
      await node.advance(dry),
    ]

    expect(outcomes.map(({ changes }) => changes.length)).toEqual([3, 2, 1, 0])
    expect(await store.get(keys.keyring())).toEqual(before)
    expect(node.current()).toEqual(ring)
    expect(await store.read(logs.revocations, undefined, 10)).toEqual([])
    expect(await recorded(store)).toEqual(['created'])
  })
})

describe('a key that is taken out', () => {
  async function aRing() {
    const clock = movableClock()
    const store = await openTestStore(clock)
    const node = await aNode(store, clock)
    return { clock, store, node, signing: keyIds(node.current(), 'signing', 'ES256')[0] as string }
  }

  const told = async (store: Store) =>
    (await store.read(logs.revocations, undefined, 10)).map(({ value }) => JSON.parse(value) as object)

  it('as compromised is out at once, and everyone who follows the revocations is told', async () => {
    const { store, node, signing } = await aRing()

    const { keyring, changes } = await node.compromise(signing)

    expect(keyring.signingJwks.map(({ kid }) => kid)).not.toContain(signing)
    expect(signersOf(keyring)).toEqual({ RS256: 1, ES256: 1, EdDSA: 1 })
    expect(changes.map(({ event }) => event)).toEqual(['keyring.key_compromised', 'keyring.key_signing'])
    expect(await told(store)).toEqual([{ kid: signing }])
  })

  it('as compromised stays in the feed for as long as one of its tokens could live', async () => {
    const { clock, store, node, signing } = await aRing()
    // Another server lets tokens live longer than the one that is asked.
    await aNode(store, clock, { schedule: { longestTokenSeconds: 50_000 } })

    await node.compromise(signing)

    clock.moveSeconds(50_000)
    expect(await told(store)).toEqual([{ kid: signing }])
  })

  it('as compromised may be named again, if the first time was cut off before the feed was told', async () => {
    const { clock, store, node, signing } = await aRing()
    const cutOff = withVerb(store, 'append', () => Promise.reject(new Error('cut off')))
    await expect((await aNode(cutOff, clock)).compromise(signing)).rejects.toThrow('cut off')
    expect(await told(store)).toEqual([])

    const { keyring, changes } = await node.compromise(signing)

    expect(changes).toEqual([])
    expect(signersOf(keyring)).toEqual({ RS256: 1, ES256: 1, EdDSA: 1 })
    expect(await told(store)).toEqual([{ kid: signing }])
  })

  it('must be there', async () => {
    const { node } = await aRing()

    await expect(node.compromise('no-such-key')).rejects.toThrow(KeyUnknown)
    await expect(node.retire('no-such-key')).rejects.toThrow(KeyUnknown)
  })

  it('before its time may be one that does not sign yet, or no longer, but not the one that signs', async () => {
    const { clock, node, signing } = await aRing()

    await expect(node.retire(signing)).rejects.toThrow(KeyInUse)
    const next = keyIds((await node.rotate('ES256')).keyring, 'next')[0] as string
    expect(keyIds((await node.retire(next)).keyring, 'next')).toEqual([])

    await node.rotate('ES256')
    clock.moveSeconds(OVERLAP_SECONDS)
    await node.advance()
    expect(keyIds((await node.retire(signing)).keyring, 'retired')).toEqual([])
  })
})

describe('the seal of the key ring', () => {
  const clock = movableClock()

  it('[S96] leaves nothing of the keys to be read in the store, nor in the audit trail, summaries or errors', async () => {
    const [store] = await openTestStores(clock, 1)
    const node = await aNode(store as Store, clock, { algorithms: ['PS256'] })
    const canaries = createCanaries()
    const plant = (ring: Keyring) => secretsOf(ring).map((secret, i) => canaries.plant(`secret ${i}`, secret))
    plant(node.current())
    plant((await node.rotate(undefined)).keyring)
    plant((await node.rotateCookieKey()).keyring)
    plant((await node.compromise(keyIds(node.current(), 'signing', 'RS256')[0] as string)).keyring)

    const stored = (await (store as Store).get(keys.keyring()))?.value ?? ''
    const refused = aNode(store as Store, clock, { rootKeys: async () => [randomBytes(32)] })
    const refusal = await refused.then(String, String)
    const trail = await (store as Store).read('audit', undefined, 100)

    expect(canaries.count).toBeGreaterThan(30)
    const told = [stored, JSON.stringify(node.current().keys), refusal, JSON.stringify(trail)]
    expect(canaries.foundIn(Buffer.from(told.join('\n')))).toEqual([])
    // Nor what is no secret: a dump does not even tell which keys there are.
    for (const { kid } of node.current().signingJwks) expect(stored).not.toContain(kid)
    // With their quotes, which base64url has not: three letters alone stand in ten thousand by chance.
    expect(stored).not.toMatch(/"RS256"|"kty"|"cookieKeys"/)
  })

  it('does not open under another root key: one sentence names the canary, and nothing is changed', async () => {
    const store = await openTestStore(clock)
    await aNode(store, clock)
    const before = await store.get(keys.keyring())

    const other = randomBytes(32)
    const refused = aNode(store, clock, { algorithms: ['PS256'], rootKeys: async () => [other] })

    await expect(refused).rejects.toThrow(RootKeyWrong)
    const told = await refused.then(
      () => 'opened',
      (fault: Fault) => faultText(fault),
    )
    expect(told).toMatch(/^The canary in the store was sealed under another root key: [^.]+\.$/)
    await expect(refused).rejects.toMatchObject({
      detail: `sealed under root key ${rootKeyId(ROOT_KEY)}, this node holds ${rootKeyId(other)}`,
    })
    expect(await store.get(keys.keyring())).toEqual(before)
    expect(await recorded(store)).toEqual(['created'])
  })

  it('does not open when the ring was altered', async () => {
    const store = await openTestStore(clock)
    await aNode(store, clock)
    const stored = JSON.parse((await store.get(keys.keyring()))?.value ?? '') as { ring: string; canary: string }
    const altered = `${stored.ring.slice(0, -5)}${stored.ring.at(-5) === 'A' ? 'B' : 'A'}${stored.ring.slice(-4)}`

    for (const ring of [altered, stored.canary]) {
      await store.put(keys.keyring(), JSON.stringify({ ...stored, ring }))
      await expect(aNode(store, clock)).rejects.toThrow(SealBroken)
    }
  })
})

/** A store with one verb in place of its own. */
function withVerb<Verb extends keyof Store>(store: Store, verb: Verb, instead: Store[Verb]): Store {
  const own = (target: Store, name: string | symbol) => {
    const value: unknown = Reflect.get(target, name)
    return typeof value === 'function' ? value.bind(target) : value
  }
  return new Proxy(store, { get: (target, name) => (name === verb ? instead : own(target, name)) })
}
