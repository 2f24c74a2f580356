/**
 * Which events each receiver has yet to take.
 *
 * A receiver has a cursor in the log, before which it has taken everything, and a list of the later events that it
 * took. Both are in the store, so the receiver may use any node. It gets what it has not acknowledged again.
 */

import { StoreUnavailable } from '../../faults/store.ts'
import { keys } from '../../store/keys.ts'
import { over } from '../../store/over.ts'
import type { Entry, Store } from '../../store/store.ts'
import type { LoggedRevocation } from '../live-entries.ts'
import type { RevocationLog } from '../revocation-log.ts'
import { type SecurityEvent, securityEvent } from './security-events.ts'
import type { SignEvent } from './signer.ts'

export interface Receiver {
  /** By which its place is kept. */
  readonly id: string
  /** What stands in `aud`. */
  readonly audience: string
}

export interface Delivery {
  /** Signed, by their `jti`, oldest first. */
  readonly sets: ReadonlyMap<string, string>
  /** There are others already. */
  readonly more: boolean
}

export interface EventReceivers {
  /** The oldest events that the receiver has not acknowledged. Throws `StoreUnavailable`, `SignerUnavailable`. */
  pending(receiver: Receiver, most: number): Promise<Delivery>
  /** Notes that the receiver has these; others than it was given do not matter. Throws `StoreUnavailable`. */
  settle(receiver: Receiver, jtis: readonly string[]): Promise<void>
}

export interface EventReceiversParts {
  readonly issuer: string
  readonly store: Store
  readonly revocationLog: Pick<RevocationLog, 'read'>
  readonly sign: SignEvent
}

interface Place {
  readonly cursor?: string | undefined
  readonly settled: readonly string[]
}

interface View {
  readonly place: Place
  readonly open: readonly SecurityEvent[]
  readonly more: boolean
}

// No more than so many events behind the oldest that is open are given out, so no more can be on the list.
const WINDOW = 500
// An entry lives for a day at most. A receiver that is away for longer starts again with the live entries.
const KEEP_SECONDS = 7 * 86_400
// Others that settle at the same time are as many as the receiver's own processes.
const MOST_TRIES = 50

export function createEventReceivers({ issuer, store, revocationLog, sign }: EventReceiversParts): EventReceivers {
  return {
    async pending(receiver, most) {
      const { place } = await load(receiver)
      const { open, more } = view(receiver, place)
      const chosen = open.slice(0, most)
      const signed = await Promise.all(
        chosen.map(async ({ jti, claims }) => [jti, await sign(claims)] as [string, string]),
      )
      return { sets: new Map(signed), more: more || open.length > chosen.length }
    },

    async settle(receiver, jtis) {
      if (jtis.length === 0) return
      for (let tries = 0; tries < MOST_TRIES; tries++) {
        const { place, entry } = await load(receiver)
        const next = view(receiver, { ...place, settled: [...place.settled, ...jtis] }).place
        const options = { ttlSeconds: KEEP_SECONDS, ...over(entry) }
        if ((await store.put(keys.setPlace(receiver.id), JSON.stringify(next), options)) === 'stored') return
      }
      throw new StoreUnavailable({ detail: `the place of receiver ${receiver.id} changes too often` })
    },
  }

  async function load({ id }: Receiver): Promise<{ place: Place; entry: Entry | undefined }> {
    const entry = await store.get(keys.setPlace(id))
    return { place: entry === undefined ? { settled: [] } : (JSON.parse(entry.value) as Place), entry }
  }

  /** The open events. Moves the cursor on while everything before it is settled. */
  function view({ audience }: Receiver, place: Place): View {
    const settled = new Set(place.settled)
    const isOpen = (event: SecurityEvent | undefined) => event !== undefined && !settled.has(event.jti)
    for (let { cursor } = place; ; ) {
      const page = revocationLog.read(cursor, WINDOW)
      const found = page.entries.map((entry) => ({ entry, event: securityEvent(entry, { issuer, audience }) }))
      const first = found.findIndex(({ event }) => isOpen(event))
      if (first < 0 && page.more) {
        cursor = page.cursor
        continue
      }
      if (first < 0) return { place: { cursor: page.cursor, settled: [] }, open: [], more: false }
      const rest = found.slice(first).map(({ event }) => event)
      const known = rest.filter((event) => event !== undefined)
      return {
        place: {
          cursor: cursorBefore(found, first) ?? cursor,
          settled: known.filter((event) => !isOpen(event)).map(({ jti }) => jti),
        },
        open: known.filter(isOpen),
        more: page.more,
      }
    }
  }
}

function cursorBefore(found: readonly { readonly entry: LoggedRevocation }[], index: number): string | undefined {
  return found[index - 1]?.entry.id
}
