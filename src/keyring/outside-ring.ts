/** What a ring with keys held outside asks beyond its own steps: that the signer is there, and that it forgets. */

import { ConfigInvalid } from '../base/faults.ts'
import type { BoundSigner } from './outside-signer.ts'
import type { Ring } from './ring.ts'
import { isOutside } from './signing-key.ts'

/**
 * Lets the signer forget what is in one ring and not in the other: keys whose time is over, or those that were made for
 * a step which another node took first.
 *
 * After the write, never before: a crash between the two leaves a key at the signer that signs nothing. It harms nobody;
 * whoever wants it gone compares the signer's list with `grantor keys list --json`.
 */
export function forgetOutside(signer: BoundSigner | undefined, from: Ring, to: Ring): void {
  const kept = new Set(to.keys.map(({ jwk }) => jwk.kid))
  for (const { jwk } of from.keys) if (isOutside(jwk) && !kept.has(jwk.kid)) void signer?.forgetKey(jwk.keyRef)
}

/** A node that cannot reach the keys it should sign with must not start. A retired key needs nobody: it only verifies. */
export function refuseWithoutSigner(ring: Ring, signer: BoundSigner | undefined): void {
  const needed = ring.keys.filter(({ jwk, state }) => isOutside(jwk) && state !== 'retired')
  if (signer !== undefined || needed.length === 0) return
  throw new ConfigInvalid([
    `keys.signer is missing: ${needed.length} keys of the ring are held by an outside signer; name it until they are rotated out (docs/signing-outside.md).`,
  ])
}
