import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'

import { RootKeyWrong } from '../../src/faults/keyring.ts'
import { rootKeyId } from '../../src/base/sealing.ts'
import type { LiveKeyring } from '../../src/keyring/keyring.ts'
import {
  finishReplacement,
  obtainRootKeys,
  prepareReplacement,
  type RootKeySources,
} from '../../src/keyring/root-key.ts'
import type { Store } from '../../src/store/store.ts'
import { openTestStore, openTestStores } from '../support/embedded-store.ts'
import { movableClock } from '../support/movable-clock.ts'
import { aNode, ROOT_KEY, recorded, secretsOf, signersOf } from './one-node.ts'

const clock = movableClock()
const COMING = randomBytes(32)
const both = { rootKeys: async () => [ROOT_KEY, COMING] }
const onlyComing = { rootKeys: async () => [COMING] }

describe('a root key that replaces another', () => {
  it('seals the same ring, which then opens with it alone', async () => {
    const store = await openTestStore(clock)
    const node = await aNode(store, clock, both)
    const before = node.current()

    const after = await node.reseal(COMING)

    expect(after).toEqual({ ...before, version: 2, rootKeyId: rootKeyId(COMING) })
    expect((await aNode(store, clock, onlyComing)).current()).toEqual(after)
    await expect(aNode(store, clock)).rejects.toThrow(RootKeyWrong)
    expect(await recorded(store)).toEqual(['created', 'resealed'])
  })

  it('changes nothing when the ring is sealed under it already', async () => {
    const store = await openTestStore(clock)
    const node = await aNode(store, clock, both)
    const sealed = await node.reseal(COMING)

    expect(await node.reseal(COMING)).toEqual(sealed)
    expect(await recorded(store)).toEqual(['created', 'resealed'])
  })

  it('is kept by every change that a node with both makes afterwards', async () => {
    const store = await openTestStore(clock)
    const node = await aNode(store, clock, both)
    await node.reseal(COMING)

    expect((await node.rotateCookieKey()).keyring.rootKeyId).toBe(rootKeyId(COMING))
    expect((await node.rotate('ES256')).keyring.rootKeyId).toBe(rootKeyId(COMING))
  })

  it('loses no change that other nodes make at the same time', async () => {
    const stores = await openTestStores(clock, 3)
    const nodes = await Promise.all(stores.map((store) => aNode(store, clock, both)))
    const [resealing, ...turning] = nodes as [LiveKeyring, LiveKeyring, LiveKeyring]

    let sealed = 0
    const turns = turning.map(async (node) => {
      for (let turn = 0; turn < 20; turn++) await node.rotateCookieKey()
    })
    for (const rootKey of [COMING, ROOT_KEY, COMING, ROOT_KEY, COMING]) {
      await resealing.reseal(rootKey)
      sealed += 1
    }
    await Promise.all(turns)

    const ring = await resealing.refresh()
    expect(ring.rootKeyId).toBe(rootKeyId(COMING))
    expect(ring.cookieKeys).toHaveLength(1 + 2 * 20)
    expect(ring.version).toBe(1 + 2 * 20 + sealed)
    expect(signersOf(ring)).toEqual({ RS256: 1, ES256: 1, EdDSA: 1 })
  })
})

describe('a replacement of the root key that is kept in a file', () => {
  async function aServer() {
    const directory = await mkdtemp(join(tmpdir(), 'grantor-test-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    const config: RootKeySources = { rootKey: undefined, nextRootKey: undefined, keysDir: directory, production: false }
    const [store] = (await openTestStores(clock, 1)) as [Store]
    const open = () => aNode(store, clock, { rootKeys: () => obtainRootKeys(config) })
    return { config, open, node: await open() }
  }

  /** What `grantor keys rotate-root` does, up to a step. */
  const STEPS = ['nothing', 'the coming key is made', 'the ring is sealed under it', 'it has its place'] as const
  async function replace(config: RootKeySources, node: LiveKeyring, upTo: (typeof STEPS)[number] = 'it has its place') {
    const last = STEPS.indexOf(upTo)
    if (last < 1) return
    const coming = await prepareReplacement(config)
    if (last < 2) return
    await node.reseal(coming)
    if (last < 3) return
    await finishReplacement(config, coming)
  }

  it.each(STEPS)('completes when it is run again after it was cut off when %s', async (step) => {
    const { config, open, node } = await aServer()
    const before = node.current()
    await replace(config, node, step)

    // Who runs goes on, and who starts in between starts.
    await node.rotateCookieKey()
    expect((await open()).current().signingJwks).toEqual(before.signingJwks)
    await replace(config, await open())

    const after = (await open()).current()
    expect(await readdir(config.keysDir)).toEqual(['root.key'])
    expect(after.rootKeyId).not.toBe(before.rootKeyId)
    expect(after.rootKeyId).toBe(rootKeyId((await obtainRootKeys(config))[0] as Uint8Array))
    expect(secretsOf(after)).toEqual(expect.arrayContaining(secretsOf(before)))
  })

  it('run by two at once gives one new key, which opens the ring', async () => {
    const { config, open, node } = await aServer()

    await Promise.all([replace(config, node), replace(config, await open())])

    expect((await obtainRootKeys(config)).map(rootKeyId)).toEqual([(await open()).current().rootKeyId])
  })
})
