/**
 * Every verb once, on keys of the node's own: what works here works for requests.
 *
 * A user without a permission, a script that is refused, a renamed command show here before a request fails by them.
 */

import { isOutOfMemory } from '../connection/faults.ts'
import type { Key, Store } from '../../store.ts'

export type Probed = Omit<Store, 'status' | 'close' | 'follow' | 'append' | 'list'>

export type ProbeOutcome = 'works' | 'endings only'

const SECONDS = 60

/**
 * Tries the verbs in the shard. Resolves to `endings only` where memory keeps Redis from storing anything; throws what else
 * went wrong.
 */
export async function probe(store: Probed, shard: string, node: string): Promise<ProbeOutcome> {
  const named = (kind: string): Key => `${kind}:{${shard}}:${node}`
  const [entry, other, index, counter] = [
    named('probe'),
    named('probe-other'),
    named('probe-index'),
    named('probe-count'),
  ]
  await all([
    store.consume(other, node),
    store.take(other),
    store.remove([other]),
    store.removeMembers(index, [entry]),
    store.read('probe', undefined, 1),
  ])
  try {
    await all([
      store.put(entry, node, { ttlSeconds: SECONDS, memberOf: index }),
      store.increment(counter, SECONDS),
      store.link(index, other, SECONDS),
      store.unlink(index, other),
      store.members(index),
      store.get(entry),
      store.getLinked(entry),
    ])
    return 'works'
  } catch (cause) {
    if (isOutOfMemory(cause)) return 'endings only'
    throw cause
  }
}

/** Waits for all before it throws for one, so that none is left under way. */
async function all(calls: readonly Promise<unknown>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(calls)) if (outcome.status === 'rejected') throw outcome.reason
}
