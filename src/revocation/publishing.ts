/**
 * Writes the entry of an ending, or, where its subject has many entries already, one for all tokens of the subject.
 *
 * A person can sign in and out for as long as they like, and a client can fetch and revoke tokens by the million. Every
 * verifier holds every entry, so their number must not depend on how often somebody does so.
 */

import { type Clock, epochSeconds } from '../base/clock.ts'
import type { EntryOwner } from './entry-counts.ts'
import type { Store } from '../store/store.ts'
import type { NewRevocation, RevocationLog } from './revocation-log.ts'

export interface Publishing {
  /** Resolves when verifiers will refuse what ended. Throws `StoreUnavailable`. */
  publish(ended: NewRevocation, owner: EntryOwner, keepSeconds?: number): Promise<void>
  /** The epoch second up to which any node may have issued a token by now. */
  untilNow(): number
}

/** A node whose clock is ahead by this much issues nothing that a moment of now fails to cover. */
const CLOCK_SKEW_SECONDS = 15
// Within an hour of ordinary use a person leaves a handful of entries. A busy person at a busy client leaves some dozens.
const MOST_OF_A_SUBJECT = 200
/** Half of what a verifier takes (src/resource/revocations/revocation-feed.ts). */
const MOST_IN_ALL = 500_000
/**
 * How far into the future a subject's moment reaches: what ends meanwhile is covered and needs no entry. Tokens that the
 * subject is issued until then are refused as well, which it has brought upon itself.
 */
const AHEAD_SECONDS = 30

interface Parts {
  readonly revocationLog: Pick<RevocationLog, 'publish' | 'covers' | 'counts' | 'settled'>
  readonly store: Pick<Store, 'status'>
  readonly clock: Clock
}

export function createPublishing({ revocationLog, store, clock }: Parts): Publishing {
  // By what they name: callers that come while a moment is written share it.
  const writing = new Map<string, Promise<void>>()

  return { publish, untilNow }

  async function publish(ended: NewRevocation, owner: EntryOwner, keepSeconds?: number): Promise<void> {
    const { sub } = owner
    // A moment of a node whose clock is behind would not cover what others have issued by now.
    if (!store.status().ready) return revocationLog.publish(ended, { keepSeconds, owner })
    // Its moment covers every token that any node can have issued by now. `sub` alone: another entry may expire sooner.
    if (revocationLog.covers({ sub, iat: untilNow() - 1 })) return revocationLog.settled()
    if (sub !== undefined && revocationLog.counts.ofSubject(sub) >= MOST_OF_A_SUBJECT) {
      await publishCutOff({ sub })
    } else if (revocationLog.counts.all >= MOST_IN_ALL) {
      await publishCutOff({ tokens_only: true })
    } else {
      await revocationLog.publish(ended, { keepSeconds, owner })
    }
  }

  async function publishCutOff(of: NewRevocation): Promise<void> {
    const name = of.sub ?? ''
    const present = writing.get(name)
    if (present !== undefined) return present
    const written = revocationLog
      .publish({ ...of, before: untilNow() + AHEAD_SECONDS })
      .finally(() => writing.delete(name))
    writing.set(name, written)
    return written
  }

  function untilNow(): number {
    // An operator's machine with a wrong clock has to end access too: its moment is that of the servers.
    const aheadSeconds = Math.floor((store.status().clockAheadMs ?? 0) / 1000)
    return epochSeconds(clock) - aheadSeconds + CLOCK_SKEW_SECONDS + 1
  }
}
