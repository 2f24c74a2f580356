/**
 * Clients that are gone from the configuration.
 *
 * Clients live in grantor.yaml, so nobody tells the server that one was removed: a node that starts compares its own with
 * those that were there when a node last started. Where nodes start with different files, a client that only some of them
 * have loses what it holds at each start of a node that lacks it.
 */

import { keys } from '../store/keys.ts'
import { over } from '../store/over.ts'
import type { Store } from '../store/store.ts'
import type { Revocation } from './revoke.ts'

/** Ends the access of every client that is no longer there, then remembers those that are. */
export async function endGoneClients({
  store,
  revocation,
  clientIds,
}: {
  readonly store: Store
  readonly revocation: Pick<Revocation, 'endClient'>
  readonly clientIds: readonly string[]
}): Promise<void> {
  const present = JSON.stringify([...new Set(clientIds)].toSorted())
  const ended = new Set<string>()
  for (;;) {
    const entry = await store.get(keys.knownClients())
    if (entry?.value === present) return
    const gone = knownIn(entry?.value).filter((clientId) => !clientIds.includes(clientId) && !ended.has(clientId))
    // One after the other: all of them write the same record, and of those that write at once one wins.
    for (const clientId of gone) {
      await revocation.endClient(clientId, 'client_removed')
      ended.add(clientId)
    }
    if ((await store.put(keys.knownClients(), present, over(entry))) === 'stored') return
  }
}

/** The clients that were there when a node last started. */
export async function knownClients(store: Store): Promise<readonly string[]> {
  return knownIn((await store.get(keys.knownClients()))?.value)
}

function knownIn(value: string | undefined): string[] {
  return value === undefined ? [] : (JSON.parse(value) as string[])
}
