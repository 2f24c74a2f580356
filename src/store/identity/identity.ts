/**
 * Which store this is: a random identity, written once when the store is first opened, and an epoch.
 *
 * The epoch goes up whenever the store was set back on purpose or by accident, so that a running server notices. The
 * progress mark is an entry that every server writes once a second: its version only goes up while the store is what it
 * was, and is lower after the store was set back to an earlier state (see guarded-store.ts).
 */

import { type Clock, epochSeconds } from '../../base/clock.ts'
import { StoreRefused } from '../../faults/store.ts'
import { randomId } from '../../base/ids.ts'
import { keys } from '../keys.ts'
import type { Entry, Store } from '../store.ts'

export interface StoreIdentity {
  readonly id: string
  readonly epoch: number
  /** Epoch seconds. Nothing of this store was issued before. */
  readonly madeAt: number
  /** `new`: made by a server that found the store empty. `restored`: made by `grantor restore`. */
  readonly origin: 'new' | 'restored'
  /** `restoring`: `grantor restore` fills the store. `moved`: `grantor backup --final` took what is in it elsewhere. */
  readonly state: 'open' | 'restoring' | 'moved'
  /** The backup that it was restored from. */
  readonly backupId?: string
}

export interface FoundIdentity {
  readonly identity: StoreIdentity
  readonly version: number
}

type Entries = Pick<Store, 'get' | 'put'>

export function toIdentity(entry: Entry | undefined): FoundIdentity | undefined {
  return entry && { identity: JSON.parse(entry.value) as StoreIdentity, version: entry.version }
}

export async function findIdentity(store: Entries): Promise<FoundIdentity | undefined> {
  return toIdentity(await store.get(keys.identity()))
}

/** The identity of the store, made if it has none. Throws `StoreRefused` for a store that must not be served. */
export async function openIdentity(store: Entries, clock: Clock): Promise<StoreIdentity> {
  for (;;) {
    const found = await findIdentity(store)
    if (found !== undefined) return refuseUnlessOpen(found.identity)
    const made = newIdentity(clock, { origin: 'new', state: 'open' })
    if ((await store.put(keys.identity(), JSON.stringify(made), { ifAbsent: true })) === 'stored') return made
  }
}

export function newIdentity(clock: Clock, about: Pick<StoreIdentity, 'origin' | 'state' | 'backupId'>): StoreIdentity {
  return { id: randomId(16), epoch: 1, madeAt: epochSeconds(clock), ...about }
}

/** Writes `next` over the identity that was read; false when another process was first. */
export async function replaceIdentity(store: Entries, found: FoundIdentity, next: StoreIdentity): Promise<boolean> {
  const outcome = await store.put(keys.identity(), JSON.stringify(next), { ifVersion: found.version })
  return outcome === 'stored'
}

/** Raises the epoch from `epoch`, once among all servers. */
export async function raiseEpoch(store: Entries, id: string, epoch: number): Promise<void> {
  const found = await findIdentity(store)
  if (found?.identity.id !== id || found.identity.epoch !== epoch) return
  await replaceIdentity(store, found, { ...found.identity, epoch: epoch + 1 })
}

function refuseUnlessOpen(identity: StoreIdentity): StoreIdentity {
  const problem = stateProblem(identity)
  if (problem !== undefined) throw new StoreRefused(problem)
  return identity
}

/** Why a store in this state is not served; `undefined` when it is. */
export function stateProblem({ state }: StoreIdentity): string | undefined {
  if (state === 'restoring')
    return 'A restore into this store is under way or was interrupted: wait for it, or run `grantor restore --replace` again.'
  if (state === 'moved')
    return 'This store was closed by `grantor backup --final`, and what it held was moved: point the server at the store that the backup was restored into, or restore that backup here with `grantor restore --replace --keep-grants`.'
  return undefined
}
