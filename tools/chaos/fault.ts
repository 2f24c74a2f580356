/** What a fault is: how it is injected, when it is over for each node, and how long errors may go on after that. */

import type { Chance } from './chance.ts'
import { type Fleet, NODES } from './fleet.ts'
import type { History } from './history.ts'
import type { Load } from './load.ts'
import type { Network } from './network.ts'
import type { Topology, TopologyKind } from './topology.ts'

export interface FaultContext {
  readonly topology: Topology
  readonly network: Network
  readonly fleet: Fleet
  readonly chance: Chance
  readonly history: History
  readonly load: Pick<Load, 'routeTo'>
}

/** From when on each node has a primary that it can reach. */
export type Recovery = readonly number[]

export interface FaultKind {
  readonly name: string
  readonly title: string
  readonly topologies: readonly TopologyKind[]
  readonly errorLimitMs: number
  /** Clocks are to be wrong: a C compiler is needed. */
  readonly needsClocks?: boolean
  inject(context: FaultContext): Promise<Recovery>
}

/** Unless a fault sets its own. */
export const ERRORS_MS = 5000
export const BOTH: readonly TopologyKind[] = ['sentinel', 'cluster']

/** Now, for every node. */
export function everywhere(): Recovery {
  const nowMs = performance.now()
  return Array.from({ length: NODES }, () => nowMs)
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
