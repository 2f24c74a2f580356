/** What the rig needs of a Redis with replicas, whether Sentinel or Cluster decides who is primary. */

import type { Member } from './member.ts'

export type TopologyKind = 'sentinel' | 'cluster'

export interface Topology {
  readonly kind: TopologyKind
  /** What the nodes are given as REDIS_URL. */
  readonly url: string
  /** Every data server. */
  readonly members: readonly Member[]
  /** A primary to be attacked: of a Cluster one of several, chosen by `chance` (0 to 1). */
  primary(chance: number): Promise<Member>
  /** Who can take over from this primary. */
  successors(primary: Member): Promise<readonly Member[]>
  /** Asks for a planned failover of this primary. */
  planFailover(primary: Member): Promise<void>
  /**
   * Resolves when every key has a primary that answers and that clients are told of; `other`: than this one. Throws when
   * that takes too long.
   */
  untilPrimary(other?: Member): Promise<void>
  /** Resolves when every primary has its replicas and all agree, so that the next fault meets a whole topology. */
  untilWhole(): Promise<void>
  /** Moves so many slots from the shard of this primary to another. */
  reshard(from: Member, slots: number): Promise<void>
  close(): Promise<void>
}

/** AOF as operators have it. */
export const PERSISTENCE = ['--appendonly', 'yes', '--appendfsync', 'everysec']

const LOOK_AGAIN_MS = 40
const PRIMARY_WITHIN_MS = 60_000

/** Looks until it is so; other processes decide when. */
export async function until(what: string, isSo: () => Promise<boolean>, withinMs = PRIMARY_WITHIN_MS): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
  }
}
