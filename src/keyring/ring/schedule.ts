/** The ring's schedule, from what the operator chose and from the longest-lived thing that the keys sign. */

import type { Config } from '../../config/config.ts'
import type { Schedule } from './ring.ts'

// A floor: where all tokens are shorter, a retired key still stays this long, which costs nothing and spares slow clocks.
const SHORTEST_SECONDS = 600

export function scheduleOf({ keys, apis, lifetimes }: Pick<Config, 'keys' | 'apis' | 'lifetimes'>): Schedule {
  const lifetimesOfTokens = apis.map(({ accessTokenSeconds }) => accessTokenSeconds)
  return {
    ...keys,
    longestTokenSeconds: Math.max(SHORTEST_SECONDS, lifetimes.idTokenSeconds, ...lifetimesOfTokens),
    longestSessionSeconds: lifetimes.sessionSeconds,
  }
}
