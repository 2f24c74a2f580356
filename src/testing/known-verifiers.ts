/** The verifiers that follow a test issuer, and the revocations that each of them knows. */

import type { NewRevocation } from '../revocation/revocation-log.ts'
import type { FeedEvent } from '../resource/revocations/revocation-feed.ts'

export interface KnownVerifiers {
  /** Told by one verifier what its feed says; each needs its own. */
  onFeed(): (event: FeedEvent) => void
  /** Resolves when all verifiers that follow now know the entry. Rejects when one of them does not get it in time. */
  untilKnown(entry: NewRevocation): Promise<void>
}

interface Follower {
  isFollowing: boolean
  readonly heard: Set<string>
}

/** Much longer than a verifier needs that lost its connection. */
const LONGEST_MS = 10_000

export function createKnownVerifiers(): KnownVerifiers {
  const followers = new Set<Follower>()
  const waiting = new Set<() => void>()

  function take(follower: Follower, event: FeedEvent): void {
    if (event.type === 'current') follower.isFollowing = true
    if (event.type === 'revocation') follower.heard.add(nameOf(event.entry))
    if (event.type === 'closed') followers.delete(follower)
    for (const look of waiting) look()
  }

  return {
    onFeed() {
      const follower: Follower = { isFollowing: false, heard: new Set() }
      followers.add(follower)
      return (event) => take(follower, event)
    },

    async untilKnown(entry) {
      const name = nameOf(entry)
      // A verifier that is still starting gets this entry before it accepts any token.
      const know = () => [...followers].every(({ isFollowing, heard }) => !isFollowing || heard.has(name))
      if (know()) return
      await new Promise<void>((resolve, reject) => {
        const late = setTimeout(() => end(new Error('a verifier that follows this issuer did not get it')), LONGEST_MS)
        function end(error?: Error): void {
          clearTimeout(late)
          waiting.delete(look)
          if (error === undefined) resolve()
          else reject(error)
        }
        function look(): void {
          if (know()) end()
        }
        waiting.add(look)
      })
    },
  }
}

/** The thing that an entry ends; equal for repeated entries. */
function nameOf({ jti, gid, sid, client_id, kid }: Partial<NewRevocation>): string {
  return JSON.stringify([jti, gid, sid, client_id, kid].map((name) => name ?? null))
}
