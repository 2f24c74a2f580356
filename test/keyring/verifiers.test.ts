import { describe, expect, it, vi } from 'vitest'

import { createVerifiers, verifierTtlSeconds } from '../../src/keyring/verifiers.ts'
import { keys } from '../../src/store/keys.ts'
import { openTestStore } from '../support/embedded-store.ts'
import { movableClock } from '../support/movable-clock.ts'
import { within } from '../support/figures.ts'

const TTL_SECONDS = 600

async function openVerifiers() {
  const clock = movableClock()
  const store = await openTestStore(clock)
  const options = { store, clock, ttlSeconds: TTL_SECONDS }
  const verifiers = createVerifiers(options)
  const settled = (known: number, holding: number, version: number) =>
    vi.waitFor(async () => expect(await verifiers.holding(version)).toEqual({ known, holding }), within(1000))
  const storedVersion = async (id: string) => (await store.get(keys.verifier(id)))?.version
  return { clock, options, verifiers, settled, storedVersion }
}

describe('the known verifiers', () => {
  it('hold what they were served last, and all that is older', async () => {
    const { verifiers, settled } = await openVerifiers()

    verifiers.saw({ id: 'a', version: 3 })
    verifiers.saw({ id: 'b', version: 5 })

    await settled(2, 2, 3)
    await settled(2, 1, 4)
    await settled(2, 0, 6)
  })

  it('are the same for every node of the store', async () => {
    const { options, verifiers, settled } = await openVerifiers()

    createVerifiers(options).saw({ id: 'a', version: 3 })
    verifiers.saw({ id: 'b', version: 3 })

    await settled(2, 2, 3)
  })

  it('are forgotten when they stay away', async () => {
    const { clock, verifiers, settled } = await openVerifiers()
    verifiers.saw({ id: 'a', version: 3 })
    await settled(1, 1, 3)

    clock.moveSeconds(TTL_SECONDS)

    await settled(0, 0, 3)
  })

  it('cost one write a minute, or one for each new version', async () => {
    const { clock, verifiers, settled, storedVersion } = await openVerifiers()
    for (let fetches = 0; fetches < 20; fetches++) {
      verifiers.saw({ id: 'a', version: 3 })
      await settled(1, 1, 3)
    }
    expect(await storedVersion('a')).toBe(1)

    verifiers.saw({ id: 'a', version: 4 })
    await settled(1, 1, 4)
    expect(await storedVersion('a')).toBe(2)

    clock.moveSeconds(60)
    verifiers.saw({ id: 'a', version: 4 })
    await vi.waitFor(async () => expect(await storedVersion('a')).toBe(3), within(1000))
  })

  it('have a name that is short and plain, or are not noted', async () => {
    const { verifiers, settled } = await openVerifiers()

    for (const id of ['', 'a'.repeat(65), 'a b', 'a:b', '{kr}', 'é', 'a\nb']) verifiers.saw({ id, version: 1 })
    verifiers.saw({ id: `${'a'.repeat(60)}.-_Z`, version: 1 })

    await settled(1, 1, 1)
  })

  it('are at most a thousand, however many are invented, and these stay known', async () => {
    const { clock, options, verifiers, settled } = await openVerifiers()
    verifiers.saw({ id: 'real', version: 1 })
    await settled(1, 1, 1)

    for (let at = 0; at < 3000; at++) verifiers.saw({ id: `invented-${at}`, version: 1 })
    await settled(1000, 1000, 1)
    clock.moveSeconds(60)
    const another = createVerifiers(options)
    for (let at = 3000; at < 4000; at++) another.saw({ id: `invented-${at}`, version: 1 })
    another.saw({ id: 'real', version: 2 })

    await settled(1000, 1, 2)
  })

  it('are waited for as long as one in use needs to come back twice', () => {
    expect(verifierTtlSeconds({ maxAgeSeconds: 300, marginSeconds: 60 })).toBe(660)
    expect(verifierTtlSeconds({ maxAgeSeconds: 1, marginSeconds: 1 })).toBe(61)
    expect(verifierTtlSeconds({ maxAgeSeconds: 86_400, marginSeconds: 60 })).toBe(1260)
  })
})
