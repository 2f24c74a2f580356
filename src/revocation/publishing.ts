/**
 * Writes the entry of an ending, or, if its subject has many entries already, one entry for all tokens of the subject.
 *
 * A person can sign in and out any number of times, and a client can fetch and revoke tokens by the million. Every
 * verifier holds every entry, so the number of entries must not depend on the number of calls.
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

/** A node whose clock is ahead by this much issues nothing that a cut-off of now does not cover. */
const CLOCK_SKEW_SECONDS = 15
// Within an hour of ordinary use a person leaves a handful of entries. A busy person at a busy client leaves some dozens.
const MOST_OF_A_SUBJECT = 200
/** Half of what a verifier takes (src/resource/revocations/revocation-feed.ts). */
const MOST_IN_ALL = 500_000
/**
 * How far into the future a subject's cut-off reaches: what ends until then is covered and needs no entry. Tokens that
 * the subject gets until then are refused as well; only a subject with very many revocations is affected.
 */
const AHEAD_SECONDS = 30

interface Parts {
  readonly revocationLog: Pick<RevocationLog, 'publish' | 'covers' | 'counts' | 'settled'>
  readonly store: Pick<Store, 'status'>
  readonly clock: Clock
}

export function createPublishing({ revocationLog, store, clock }: Parts): Publishing {
  // By what they name: calls made while a cut-off is being written share it.
  const writing = new Map<string, Promise<void>>()

  return { publish, untilNow }

  async function publish(ended: NewRevocation, owner: EntryOwner, keepSeconds?: number): Promise<void> {
    const { sub } = owner
    // The cut-off of a node whose clock is behind would not cover what other nodes have issued by now.
    if (!store.status().ready) return revocationLog.publish(ended, { keepSeconds, owner })
    // Its cut-off covers every token that any node can have issued by now. `sub` alone: another entry may expire
    // sooner.
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
    // An operator's machine with a wrong clock must be able to end access, so the cut-off uses the servers' time.
    const aheadSeconds = Math.floor((store.status().clockAheadMs ?? 0) / 1000)
    return epochSeconds(clock) - aheadSeconds + CLOCK_SKEW_SECONDS + 1
  }
}
