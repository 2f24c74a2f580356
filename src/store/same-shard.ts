/** Keys that one step touches share a shard: on a Cluster they live on one node, elsewhere we hold ourselves to it. */

import { shardIn } from './keys.ts'
import type { Key } from './store.ts'

/** Throws a `TypeError` when one of `others` has another shard than `key`, so that no store is more lenient. */
export function assertSameShard(key: Key, ...others: readonly (readonly Key[] | undefined)[]): void {
  const shard = shardIn(key)
  for (const keys of others) {
    for (const other of keys ?? []) {
      if (shardIn(other) !== shard)
        throw new TypeError(`${other} and ${key} are touched in one step but differ in shard`)
    }
  }
}
