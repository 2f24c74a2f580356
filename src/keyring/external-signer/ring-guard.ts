/**
 * What a ring with external keys needs in addition to its own steps: the signer must answer, and unused keys are
 * destroyed there.
 */

import { ConfigInvalid } from '../../faults/start.ts'
import type { BoundSigner } from './external-signer.ts'
import type { Ring, Step, StepParts } from '../ring/ring.ts'
import { isExternal, type KeyJwk } from '../signing-key.ts'

/**
 * Destroys at the signer the keys that are in one ring and not in the other: expired keys, or keys that were made for a
 * step which another node took first.
 *
 * Always after the write: a crash between the two leaves an unused key at the signer. Such a key does no harm; to find
 * it, compare the signer's list with `grantor keys list --json`.
 */
export function forgetExternalKeys(signer: BoundSigner | undefined, from: Ring, to: Ring): void {
  const kept = new Set(to.keys.map(({ jwk }) => jwk.kid))
  for (const { jwk } of from.keys) if (isExternal(jwk) && !kept.has(jwk.kid)) void signer?.forgetKey(jwk.keyRef)
}

/** Takes a step; when it fails on the way, the keys made for it so far are forgotten, or every try would leave some. */
export async function orForget(
  signer: BoundSigner | undefined,
  parts: StepParts,
  take: (parts: StepParts) => Step | Promise<Step>,
): Promise<Step> {
  const made: KeyJwk[] = []
  let failed = false
  const forget = (jwk: KeyJwk) => void (isExternal(jwk) && signer?.forgetKey(jwk.keyRef))

  async function makeKey(algorithm: Parameters<StepParts['makeKey']>[0]): Promise<KeyJwk> {
    const jwk = await parts.makeKey(algorithm)
    // Several are made at once, and the others go on when one fails.
    if (failed) forget(jwk)
    made.push(jwk)
    return jwk
  }

  try {
    return await take({ ...parts, makeKey })
  } catch (error) {
    failed = true
    made.forEach(forget)
    throw error
  }
}

/** A node that cannot reach its signing keys must not start. A retired key only verifies, so it is not needed. */
export function refuseWithoutSigner(ring: Ring, signer: BoundSigner | undefined): void {
  const needed = ring.keys.filter(({ jwk, state }) => isExternal(jwk) && state !== 'retired')
  if (signer !== undefined || needed.length === 0) return
  throw new ConfigInvalid([
    `keys.signer is missing: ${needed.length} keys of the ring are held by an external signer; name it until they are rotated out (docs/external-signer.md).`,
  ])
}
