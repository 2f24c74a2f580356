/**
 * Which verifiers have which version of the ring, as far as they report it.
 *
 * Our verifier sends a random name of its own when it fetches the JWKS. It has the version that it was served until it
 * fetches again. So before a new key signs, the server can see whether every verifier has the key, and wait for it.
 *
 * The name is unauthenticated: a caller can invent verifiers that never return. The effect is limited twice. The server
 * knows about a thousand verifiers and ignores more. A key waits for verifiers no longer than
 * `keys.wait_for_verifiers`. Verifiers that send no name (other libraries, or behind a cache) are not known and not
 * waited for; the overlap protects them.
 */

import { type Clock, epochSeconds } from '../base/clock.ts'
import type { KeyRules } from '../config/config.ts'
import { keys } from '../store/keys.ts'
import type { Key, Store } from '../store/store.ts'

export interface Verifiers {
  /** A verifier was served this version of the ring. Fire and forget: the next fetch repeats a lost report. */
  saw(sighting: Sighting): void
  /** How many verifiers fetched the JWKS lately, and how many of them this version or a later one. */
  holding(version: number): Promise<Held>
}

export interface Sighting {
  /** The name in the request. */
  readonly id: string
  readonly version: number
}

export interface Held {
  readonly known: number
  readonly holding: number
}

export interface VerifiersOptions {
  readonly store: Store
  readonly clock: Clock
  /** How long a verifier that does not come back is waited for. */
  readonly ttlSeconds: number
}

// Far more than the instances of any one estate; each is an entry of some 60 bytes.
const MOST_KNOWN = 1000
// A verifier may fetch often; what it holds is worth one write in this time, or one for each new version.
const WRITE_PAUSE_SECONDS = 60
const LOOK_PAUSE_SECONDS = 10
const ID = /^[\w.-]{1,64}$/

// The bounds within which our verifier obeys `max-age` (src/resource/issuer/key-cache.ts).
const SHORTEST_FRESH_SECONDS = 30
const LONGEST_FRESH_SECONDS = 600

/** A verifier in use fetches once in a `max-age`. One that did not fetch for two is idle or gone. */
export function verifierTtlSeconds(rules: Pick<KeyRules, 'maxAgeSeconds' | 'marginSeconds'>): number {
  const freshSeconds = Math.min(Math.max(rules.maxAgeSeconds, SHORTEST_FRESH_SECONDS), LONGEST_FRESH_SECONDS)
  return 2 * freshSeconds + rules.marginSeconds
}

export function createVerifiers({ store, clock, ttlSeconds }: VerifiersOptions): Verifiers {
  // Reports that this node wrote and need not write again for a while.
  const written = new Map<string, { readonly version: number; readonly at: number }>()
  const writePauseSeconds = Math.min(WRITE_PAUSE_SECONDS, ttlSeconds / 4)
  let look: Promise<Look> | undefined
  let lookedAt = 0

  return {
    saw({ id, version }) {
      const last = written.get(id)
      const isNews = last?.version !== version || epochSeconds(clock) - last.at >= writePauseSeconds
      // The request does not wait for this. A lost report makes a verifier look older than it is, never newer.
      if (isNews && ID.test(id)) write(id, version).catch(() => written.delete(id))
    },

    async holding(version) {
      const members = await store.members(keys.verifiers())
      const entries = (await store.getMany(members as Key[])).filter((entry) => entry !== undefined)
      return { known: entries.length, holding: entries.filter(({ value }) => Number(value) >= version).length }
    },
  }

  async function write(id: string, version: number): Promise<void> {
    if (!written.has(id) && !(await mayBecomeKnown(id))) return
    written.set(id, { version, at: epochSeconds(clock) })
    await store.put(keys.verifier(id), String(version), { ttlSeconds, memberOf: keys.verifiers() })
  }

  /** Nodes count apart between two looks: a flood over all of them at once may find room for a thousand on each. */
  async function mayBecomeKnown(id: string): Promise<boolean> {
    const now = epochSeconds(clock)
    if (look === undefined || now - lookedAt >= LOOK_PAUSE_SECONDS) {
      lookedAt = now
      look = lookAround(now)
    }
    const seen = await look
    if (seen.known.has(keys.verifier(id))) return true
    return seen.room-- > 0
  }

  async function lookAround(now: number): Promise<Look> {
    for (const [id, { at }] of written) if (now - at >= ttlSeconds) written.delete(id)
    const known = new Set(await store.members(keys.verifiers()))
    return { known, room: Math.max(0, MOST_KNOWN - known.size) }
  }
}

/** The last count of the verifiers by a node. A flood of invented verifiers costs one count per interval. */
interface Look {
  readonly known: ReadonlySet<string>
  /** How many more may become known until the next look. */
  room: number
}

/** Whether every verifier fetched a JWKS that has the key. */
export function heldByAll(
  verifiers: Pick<Verifiers, 'holding'>,
): (keyId: string, publishedIn: number) => Promise<boolean> {
  return async function isHeld(_keyId, publishedIn) {
    const { known, holding } = await verifiers.holding(publishedIn)
    return holding === known
  }
}
