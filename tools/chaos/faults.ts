/** The faults: how each is injected, when it is over for each node, and how long errors may go on after that. */

import type { Chance } from './chance.ts'
import { type Fleet, NODES } from './fleet.ts'
import type { Network } from './network.ts'
import type { Topology, TopologyKind } from './topology.ts'

export interface Scene {
  readonly topology: Topology
  readonly network: Network
  readonly fleet: Fleet
  readonly chance: Chance
}

/** From when on each node has a primary that it can reach. */
export type Recovery = readonly number[]

export interface FaultKind {
  readonly name: string
  readonly title: string
  readonly topologies: readonly TopologyKind[]
  readonly errorLimitMs: number
  inject(scene: Scene): Promise<Recovery>
}

const ERRORS_MS = 5000
const PLANNED_ERRORS_MS = 2000
const RESTART_MS = [1000, 2000] as const
const STOPPED_MS = [1000, 15_000] as const
/** So long the minority lives on after the majority has its new primary. */
const CUT_OFF_MS = 6000
const SLOTS = 400
const BOTH: readonly TopologyKind[] = ['sentinel', 'cluster']

export const FAULTS: readonly FaultKind[] = [
  {
    ...{ name: 'planned', title: 'planned failover', topologies: BOTH, errorLimitMs: PLANNED_ERRORS_MS },
    async inject({ topology, chance }) {
      const primary = await topology.primary(chance.next())
      await topology.planFailover(primary)
      await topology.untilPrimary(primary)
      return everywhere()
    },
  },
  {
    ...{ name: 'kill', title: 'kill -9 of the primary', topologies: BOTH, errorLimitMs: ERRORS_MS },
    async inject({ topology, chance }) {
      const primary = await topology.primary(chance.next())
      await primary.server.kill()
      const restarted = pause(chance.between(...RESTART_MS)).then(() => primary.server.restart())
      await topology.untilPrimary()
      const recovery = everywhere()
      await restarted
      return recovery
    },
  },
  {
    ...{ name: 'cut', title: 'primary cut off with a node', topologies: BOTH, errorLimitMs: ERRORS_MS },
    async inject({ topology, network, chance }) {
      const primary = await topology.primary(chance.next())
      const node = chance.below(NODES)
      network.split([primary.name, `node-${node}`])
      await topology.untilPrimary(primary)
      const majorityMs = performance.now()
      await pause(CUT_OFF_MS)
      network.heal()
      return everywhere().map((healedMs, index) => (index === node ? healedMs : majorityMs))
    },
  },
  {
    ...{ name: 'stop', title: 'SIGSTOP of the primary', topologies: BOTH, errorLimitMs: ERRORS_MS },
    async inject({ topology, chance }) {
      const primary = await topology.primary(chance.next())
      primary.server.pause()
      const resumed = pause(chance.between(...STOPPED_MS)).then(() => primary.server.resume())
      await topology.untilPrimary()
      const recovery = everywhere()
      await resumed
      return recovery
    },
  },
  {
    ...{ name: 'reshard', title: 'resharding', topologies: ['cluster'], errorLimitMs: ERRORS_MS },
    async inject({ topology, chance }) {
      const recovery = everywhere()
      await topology.reshard(await topology.primary(chance.next()), SLOTS)
      return recovery
    },
  },
]

/** Now, for every node. */
export function everywhere(): Recovery {
  const nowMs = performance.now()
  return Array.from({ length: NODES }, () => nowMs)
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
