/** How old the line of a refresh token is, by our clock. */

import type { Provider } from 'oidc-provider'

import { type Clock, epochSeconds } from '../../../base/clock.ts'
import type { Override } from '../override.ts'

export const refreshTokenDates: Override<{ readonly clock: Clock }> = {
  members: ['RefreshToken#totalLifetime'],
  adds: ['RefreshToken#iiat'],
  without: 'refuse',
  apply: (provider, { clock }) => dateRefreshTokens(provider, () => epochSeconds(clock)),
}

/** When the first of its line was issued: its constructor would ask the system, unless there is a value already. */
function dateRefreshTokens(provider: Provider, now: () => number): void {
  const { prototype } = provider.RefreshToken as { prototype: object }
  Object.defineProperty(prototype, 'iiat', {
    configurable: true,
    get(this: { iiat: number; readonly iat?: number }) {
      this.iiat = this.iat ?? now()
      return this.iiat
    },
    set(this: object, value: number) {
      Object.defineProperty(this, 'iiat', { value, configurable: true, enumerable: true, writable: true })
    },
  })
  Reflect.set(prototype, 'totalLifetime', function totalLifetime(this: { readonly iiat: number }) {
    return now() - this.iiat
  })
}
