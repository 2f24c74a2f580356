/** How long a browser session is kept and whether its sign-in is too old, by our clock. */

import type { Provider } from 'oidc-provider'

import { type Clock, epochSeconds } from '../../../base/clock.ts'
import type { Override } from '../override.ts'

export const sessionDates: Override<{ readonly clock: Clock }> = {
  members: ['Session#persist', 'Session#past'],
  without: 'refuse',
  apply: (provider, { clock }) => dateSessions(provider, () => epochSeconds(clock)),
}

interface Model {
  readonly exp?: number
  readonly loginTs?: number
  save(ttlSeconds: number): Promise<string>
}

function dateSessions(provider: Provider, now: () => number): void {
  const { prototype } = provider.Session as unknown as { prototype: Model }
  Reflect.set(prototype, 'persist', function persist(this: Model) {
    return this.save((this.exp ?? 0) - now())
  })
  Reflect.set(prototype, 'past', function past(this: Model, age: number) {
    return this.loginTs === undefined || now() - this.loginTs > Number(age)
  })
}
