/** DPoP (RFC 9449): the nonces, which are the same on every node. */

import { hkdfSync } from 'node:crypto'
import type { Configuration } from 'oidc-provider'

import type { DpopRules } from '../../config/config.ts'
import type { Keyring } from '../../keyring/keyring-version.ts'

const SECRET_BYTES = 32

type DPoP = NonNullable<NonNullable<Configuration['features']>['dPoP']>

/**
 * Nonces are issued and accepted whether or not they are required: during a change of the setting, nodes accept each
 * other's proofs. The secret behind the nonces is in a part of the ring that no rotation changes.
 */
export function proofs({ dpop, keyring }: { dpop: DpopRules; keyring: Pick<Keyring, 'storeKey'> }): DPoP {
  return {
    enabled: true,
    nonceSecret: Buffer.from(hkdfSync('sha256', keyring.storeKey, '', 'grantor dpop nonces', SECRET_BYTES)),
    requireNonce: () => dpop.requireNonce,
  }
}
