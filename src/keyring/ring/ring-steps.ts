/** Steps of the ring (ring.ts) put together to what a node or an operator asks for. */

import { KeyInUse, KeyUnknown } from '../../faults/keyring.ts'
import { addAlgorithm, algorithmsOf, type MakeKey, type Ring, rotateNow, type Step, type StepParts } from './ring.ts'
import type { KeyAlgorithm, KeyJwk, NextKey } from '../signing-key.ts'

export type TakeStep = (ring: Ring, parts: StepParts) => Step | Promise<Step>

/**
 * The step, timed when its keys exist. Making keys takes a second, at an external signer perhaps a minute. An overlap
 * that began earlier would have lost its margin. So a step is taken once to learn which keys it needs, and again with
 * these keys, until it needs no more.
 */
export async function whenKeysAreMade(
  take: TakeStep,
  ring: Ring,
  parts: StepParts,
  seconds: () => number,
): Promise<Step> {
  const made = new Map<KeyAlgorithm, KeyJwk>()
  const makeKey: MakeKey = async (algorithm) => {
    const jwk = made.get(algorithm) ?? (await parts.makeKey(algorithm))
    made.set(algorithm, jwk)
    return jwk
  }
  for (;;) {
    const madeBefore = made.size
    const step = await take(ring, { ...parts, makeKey, now: seconds() })
    if (made.size === madeBefore) return step
  }
}

/** A key for each algorithm; the first of its algorithm signs at once. */
export async function addEach(ring: Ring, algorithms: readonly KeyAlgorithm[], parts: StepParts): Promise<Step> {
  // Side by side: an RSA key takes a tenth of a second, and the pool makes several at once.
  const made = new Map(
    await Promise.all(algorithms.map(async (algorithm) => [algorithm, await parts.makeKey(algorithm)] as const)),
  )
  const ready: StepParts = { ...parts, makeKey: async (algorithm) => made.get(algorithm) as KeyJwk }
  let step: Step = { ring, changes: [] }
  for (const algorithm of algorithms) {
    const { ring: grown, changes } = await addAlgorithm(step.ring, algorithm, ready)
    step = { ring: grown, changes: [...step.changes, ...changes] }
  }
  return step
}

/** Brings forward the next rotation of one algorithm, or of all. */
export function rotateEach(algorithm: KeyAlgorithm | undefined): TakeStep {
  return async (ring, parts) => {
    let step: Step = { ring, changes: [] }
    for (const one of algorithm === undefined ? algorithmsOf(ring) : [algorithm]) {
      const { ring: turned, changes } = await rotateNow(step.ring, one, parts)
      step = { ring: turned, changes: [...step.changes, ...changes] }
    }
    return step
  }
}

/** The keys whose overlap is over: whether verifiers hold them matters now, and not before. */
export function dueKeys(ring: Ring, now: number): NextKey[] {
  return ring.keys.filter((key): key is NextKey => key.state === 'next' && now >= key.signsFrom)
}

/** The ring, if it has the key; throws `KeyUnknown`. */
export function known(ring: Ring, keyId: string): Ring {
  if (!ring.keys.some(({ jwk }) => jwk.kid === keyId)) throw new KeyUnknown()
  return ring
}

/** The ring, if it has the key and another one signs; throws `KeyUnknown`, `KeyInUse`. */
export function idle(ring: Ring, keyId: string): Ring {
  if (known(ring, keyId).keys.some(({ jwk, state }) => jwk.kid === keyId && state === 'signing')) throw new KeyInUse()
  return ring
}
