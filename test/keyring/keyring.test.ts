import { randomBytes } from 'node:crypto'
import { calculateJwkThumbprint, compactVerify, CompactSign, importJWK, type JWK } from 'jose'
import { describe, expect, it } from 'vitest'

import { createAudit } from '../../src/audit/audit.ts'
import { createLog } from '../../src/audit/log.ts'
import { RootKeyWrong, SealBroken } from '../../src/base/faults.ts'
import { rootKeyId } from '../../src/base/sealing.ts'
import type { SigningAlgorithm } from '../../src/config/config.ts'
import { openKeyring } from '../../src/keyring/keyring.ts'
import { keys } from '../../src/store/keys.ts'
import type { Store } from '../../src/store/store.ts'
import { openTestStore, openTestStores } from '../support/embedded-store.ts'
import { movableClock } from '../support/movable-clock.ts'

const clock = movableClock()
const rootKey = randomBytes(32)

/** Opens the ring as a node does when it starts, and gives the audit events of that. */
async function start(store: Store, algorithms: readonly SigningAlgorithm[] = [], root: Uint8Array = rootKey) {
  const audit = createAudit({ store, clock, log: createLog({ level: 'silent' }) })
  const keyring = await openKeyring({ store, rootKey: root, clock, algorithms, audit })
  await audit.settled()
  return keyring
}

async function events(store: Store): Promise<string[]> {
  return (await store.read('audit', undefined, 100)).map((entry) => JSON.parse(entry.value).event)
}

function algorithmsOf({ signingJwks }: { signingJwks: readonly { alg: string }[] }): string[] {
  return signingJwks.map((jwk) => jwk.alg)
}

describe('the key ring', () => {
  it('is made at the first start and read at the next', async () => {
    const store = await openTestStore(clock)

    const first = await start(store)
    const second = await start(store)

    expect(second).toEqual(first)
    expect(first).toMatchObject({ version: 1, rootKeyId: rootKeyId(rootKey) })
    expect(algorithmsOf(first)).toEqual(['RS256', 'ES256', 'EdDSA'])
    expect(await events(store)).toEqual(['keyring.created'])
  })

  it('is one, though eight nodes make it at once', async () => {
    const stores = await openTestStores(clock, 8)

    const rings = await Promise.all(stores.map((store) => start(store)))

    for (const ring of rings) expect(ring).toEqual(rings[0])
    expect(await events(stores[0] as Store)).toEqual(['keyring.created'])
  })

  it('[S84] has only keys of full strength, each named by its thumbprint', async () => {
    const { signingJwks } = await start(await openTestStore(clock), ['PS256'])

    for (const jwk of signingJwks) {
      expect(jwk).toMatchObject({ use: 'sig', kid: await calculateJwkThumbprint(jwk) })
      expect(['RSA', 'EC', 'OKP']).toContain(jwk.kty)
      if (jwk.kty === 'RSA') expect(Buffer.from(jwk.n ?? '', 'base64url').length * 8).toBeGreaterThanOrEqual(2048)
      if (jwk.kty === 'EC') expect(jwk.crv).toBe('P-256')
      if (jwk.kty === 'OKP') expect(jwk.crv).toBe('Ed25519')
    }
    expect(new Set(signingJwks.map((jwk) => jwk.kid)).size).toBe(signingJwks.length)
  })

  it.each(['RS256', 'PS256', 'ES256', 'EdDSA'] as const)('signs with %s what its public half verifies', async (alg) => {
    const { signingJwks } = await start(await openTestStore(clock), ['PS256'])
    const jwk = signingJwks.find((key) => key.alg === alg)
    const { d: _, p: __, q: ___, dp: ____, dq: _____, qi: ______, ...publicJwk } = jwk as JWK

    const signed = await new CompactSign(Buffer.from('said'))
      .setProtectedHeader({ alg })
      .sign(await importJWK(jwk as JWK))

    const { payload } = await compactVerify(signed, await importJWK(publicJwk))
    expect(Buffer.from(payload).toString()).toBe('said')
  })

  it('[S84] has no key for HS256, whose secret is shared with the API', async () => {
    expect(algorithmsOf(await start(await openTestStore(clock), ['HS256', 'RS256']))).not.toContain('HS256')
  })

  it('has secrets of 256 bits', async () => {
    const { cookieKeys, pairwiseSalt, csrfKey } = await start(await openTestStore(clock))

    expect(csrfKey).toHaveLength(32)
    for (const secret of [...cookieKeys, pairwiseSalt]) expect(Buffer.from(secret, 'base64url')).toHaveLength(32)
    expect(new Set([...cookieKeys, pairwiseSalt, Buffer.from(csrfKey).toString('base64url')]).size).toBe(3)
  })

  it('gets a key for an algorithm that is configured later, and keeps the others', async () => {
    const store = await openTestStore(clock)
    const before = await start(store)

    const after = await start(store, ['PS256'])

    expect(after.version).toBe(2)
    expect(algorithmsOf(after)).toEqual(['RS256', 'ES256', 'EdDSA', 'PS256'])
    expect(after.signingJwks.slice(0, 3)).toEqual(before.signingJwks)
    expect(after).toMatchObject({ cookieKeys: before.cookieKeys, pairwiseSalt: before.pairwiseSalt })
    expect(await start(store)).toEqual(after)
    expect(await events(store)).toEqual(['keyring.created', 'keyring.key_added'])
  })

  it('gets one such key, though eight nodes find it missing at once', async () => {
    const stores = await openTestStores(clock, 8)
    await start(stores[0] as Store)

    const rings = await Promise.all(stores.map((store) => start(store, ['PS256'])))

    for (const ring of rings) expect(ring).toEqual(rings[0])
    expect(rings[0]?.version).toBe(2)
  })
})

describe('the seal of the key ring', () => {
  it('leaves nothing of the keys to be read in the store', async () => {
    const store = await openTestStore(clock)
    const ring = await start(store, ['PS256'])

    const stored = (await store.get(keys.keyring()))?.value ?? ''

    const secrets = ring.signingJwks.flatMap((jwk) => [
      jwk.d,
      jwk.p,
      jwk.q,
      jwk.dp,
      jwk.dq,
      jwk.qi,
      jwk.n,
      jwk.x,
      jwk.kid,
    ])
    const others = [...ring.cookieKeys, ring.pairwiseSalt, Buffer.from(ring.csrfKey).toString('base64url')]
    for (const secret of [...secrets, ...others].filter((text) => text !== undefined)) {
      expect(stored).not.toContain(secret)
    }
    expect(stored).not.toMatch(/RS256|kty|cookie/)
  })

  it('does not open under another root key, and then nothing is changed', async () => {
    const store = await openTestStore(clock)
    await start(store)
    const before = await store.get(keys.keyring())

    await expect(start(store, ['PS256'], randomBytes(32))).rejects.toThrow(RootKeyWrong)

    expect(await store.get(keys.keyring())).toEqual(before)
    expect(await events(store)).toEqual(['keyring.created'])
  })

  it('does not open when the ring was altered', async () => {
    const store = await openTestStore(clock)
    await start(store)
    const stored = JSON.parse((await store.get(keys.keyring()))?.value ?? '')
    const altered = `${stored.ring.slice(0, -5)}${stored.ring.at(-5) === 'A' ? 'B' : 'A'}${stored.ring.slice(-4)}`

    for (const ring of [altered, stored.canary]) {
      await store.put(keys.keyring(), JSON.stringify({ ...stored, ring }))
      await expect(start(store)).rejects.toThrow(SealBroken)
    }
  })
})
