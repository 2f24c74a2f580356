/** When an ID token was issued and when it ends, by our clock, where that is not the system's. */

import type { Provider } from 'oidc-provider'

import { type Clock, epochSeconds, systemClock } from '../../../base/clock.ts'
import type { Override } from '../override.ts'

export const idTokenDates: Override<{ readonly clock: Clock }> = {
  members: ['IdToken.expiresIn', 'IdToken#payload'],
  without: 'refuse',
  apply(provider, { clock }) {
    if (clock !== systemClock) dateIdTokens(provider, () => epochSeconds(clock))
  },
}

/**
 * The engine adds a lifetime to the system's time when it signs, so the lifetime given to it includes the difference.
 */
function dateIdTokens(provider: Provider, now: () => number): void {
  const IdToken = provider.IdToken as unknown as {
    prototype: { payload(): Promise<object> }
    expiresIn(...about: unknown[]): number
  }
  const expiresIn = IdToken.expiresIn.bind(IdToken)
  IdToken.expiresIn = (...about) => expiresIn(...about) + now() - epochSeconds(systemClock)
  const payload = Reflect.get(IdToken.prototype, 'payload') as () => Promise<object>
  IdToken.prototype.payload = async function datedPayload() {
    return { iat: now(), ...(await payload.call(this)) }
  }
}
