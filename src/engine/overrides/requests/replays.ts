/** Whether an assertion or a proof was used before: the store decides, in one step. */

import { Provider } from 'oidc-provider'

import { type Clock, epochSeconds } from '../../../base/clock.ts'
import type { StrangerRecords } from '../../../limits/stranger-records.ts'
import { keys } from '../../../store/keys.ts'
import type { Store } from '../../../store/store.ts'
import { answering } from '../../request/errors.ts'
import { countStranger } from '../../request/strangers.ts'
import type { Override } from '../override.ts'

export const replays: Override<ReplayParts> = {
  members: ['ReplayDetection.unique'],
  without: 'refuse',
  apply: decideReplaysInStore,
}

/** The engine accepts a DPoP proof that is dated ahead by this much. Such a proof is valid for this much longer. */
const PROOF_AHEAD_SECONDS = 300

export interface ReplayParts {
  readonly store: Store
  readonly clock: Clock
  readonly strangers: StrangerRecords
}

/**
 * The engine looks up an assertion or proof and then stores it. Here the store does both in one step. For a proof the
 * engine gives the validity of one that is dated now; a proof must be remembered for as long as it is valid, or it can
 * be replayed.
 */
function decideReplaysInStore(provider: Provider, { store, clock, strangers }: ReplayParts): void {
  Reflect.set(provider.ReplayDetection, 'unique', function unique(iss: string, jti: string, exp: number) {
    const ttlSeconds = Math.max(1, Math.ceil(exp - epochSeconds(clock))) + PROOF_AHEAD_SECONDS
    const key = keys.hashed('replay', `${iss}\n${jti}`)
    return answering(async () => {
      const route = Provider.ctx?.oidc.route
      // Elsewhere a client, a code or a token was found good before.
      if (route === 'pushed_authorization_request') countStranger(strangers, key.length)
      // An assertion of a client that revokes.
      const ending = route === 'revocation'
      return (await store.put(key, '1', { ttlSeconds, ifAbsent: true, ending })) === 'stored'
    })
  })
}
