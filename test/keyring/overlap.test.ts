/** When the overlap of a new key begins. */

import { exportJWK, generateKeyPair } from 'jose'
import { describe, expect, it } from 'vitest'

import { createAudit } from '../../src/audit/audit.ts'
import { createLog } from '../../src/audit/log.ts'
import { epochSeconds } from '../../src/base/clock.ts'
import { openKeyring } from '../../src/keyring/keyring.ts'
import type { BoundSigner } from '../../src/keyring/external-signer/external-signer.ts'
import { openTestStore } from '../support/embedded-store.ts'
import { type MovableClock, movableClock } from '../support/movable-clock.ts'
import { keyIds, OVERLAP_SECONDS, ROOT_KEY, SCHEDULE, signersOf } from './one-node.ts'

const MAKING_SECONDS = 20

describe('the overlap of a new key', () => {
  it('begins when the last key of the step is there, however long they took to make', async () => {
    const clock = movableClock()
    const store = await openTestStore(clock)
    const audit = createAudit({ store, clock, log: createLog({ level: 'silent' }) })
    const keyring = await openKeyring({
      endKey: async () => undefined,
      ...{ store, clock, audit, algorithms: [], schedule: SCHEDULE, signer: slowSigner(clock) },
      rootKeys: async () => [ROOT_KEY],
    })
    const { keyring: published } = await keyring.rotate(undefined)
    const publishedAt = epochSeconds(clock)
    const next = keyIds(published, 'next')

    clock.moveSeconds(OVERLAP_SECONDS - 1)
    const { changes } = await keyring.advance()
    clock.moveSeconds(1)
    const { keyring: turned } = await keyring.advance()

    const promised = published.keys.filter(({ state }) => state === 'next').map(({ changesAt }) => changesAt)
    expect(promised).toEqual([1, 2, 3].map(() => publishedAt + OVERLAP_SECONDS))
    expect(changes).toEqual([])
    expect(keyIds(turned, 'signing').toSorted()).toEqual(next.toSorted())
    expect(signersOf(turned)).toEqual({ RS256: 1, ES256: 1, EdDSA: 1 })
  })
})

/** A module that takes its time to make a key, as outside signers may. */
function slowSigner(clock: MovableClock): BoundSigner {
  return {
    async makeKey(alg) {
      const { publicKey } = await generateKeyPair(alg, { extractable: true })
      clock.moveSeconds(MAKING_SECONDS)
      const jwk = await exportJWK(publicKey)
      const keyRef = crypto.randomUUID()
      return { ...jwk, kid: keyRef, alg, use: 'sig', keyRef }
    },
    sign: () => Promise.reject(new Error('nothing is signed here')),
    forgetKey: async () => undefined,
    check: async () => undefined,
    close: () => undefined,
  }
}
