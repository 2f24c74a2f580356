/** The faults that are injected: of servers and links here, of clocks in clock-faults.ts. */

import { CLOCK_FAULTS } from './clock-faults.ts'
import { BOTH, ERRORS_MS, everywhere, type FaultKind, pause } from './fault.ts'
import { NODES } from './fleet.ts'

const PLANNED_ERRORS_MS = 2000
const RESTART_MS = [1000, 2000] as const
const STOPPED_MS = [1000, 15_000] as const
/** So long the minority lives on after the majority has its new primary. */
const CUT_OFF_MS = 6000
const SLOTS = 400

const NETWORK_FAULTS: readonly FaultKind[] = [
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

export const FAULTS: readonly FaultKind[] = [...NETWORK_FAULTS, ...CLOCK_FAULTS]
