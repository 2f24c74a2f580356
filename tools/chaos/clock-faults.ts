/** Faults of wall clocks: of a node, of the Redis that becomes primary, of a node while Redis is dead. */

import { BOTH, ERRORS_MS, everywhere, type FaultKind, pause, type FaultContext } from './fault.ts'
import { NODES } from './fleet.ts'
import type { Member } from './member.ts'
import { until } from './topology.ts'

const OFF_SECONDS = 600
const SAYS_WITHIN_MS = 10_000
const WRONG_MS = 6000
const DEAD_MS = 9000
const SAID_GRACE_MS = 500
/** What needs no store goes on for five seconds without one. */
const WITHOUT_STORE_MS = 6000

export const CLOCK_FAULTS: readonly FaultKind[] = [
  {
    ...{ name: 'clock-node', title: 'clock of a node ± 10 min', topologies: BOTH, errorLimitMs: ERRORS_MS },
    needsClocks: true,
    async inject(context) {
      const { fleet, chance, load, history } = context
      const node = chance.below(NODES)
      const rightMs = performance.now()
      fleet.clocks[node]?.set(offBy(context))
      await expectSaid(context, node)
      // A balancer sends nothing new to a node that is not ready; what is to be refused comes to it all the same.
      load.routeTo(everywhere().flatMap((_, index) => (index === node ? [] : [index])))
      const fromMs = performance.now()
      await pause(WRONG_MS)
      history.add({ kind: 'outage', node, graceMs: SAID_GRACE_MS, fromMs, untilMs: performance.now() })
      fleet.clocks[node]?.set(0)
      await expectReady(context, node)
      load.routeTo(undefined)
      return everywhere().map((backMs, index) => (index === node ? backMs : rightMs))
    },
  },
  {
    ...{ name: 'clock-redis', title: 'clock of the next primary ± 10 min', topologies: BOTH, errorLimitMs: ERRORS_MS },
    needsClocks: true,
    async inject(context) {
      const { topology, chance } = context
      const primary = await topology.primary(chance.next())
      // Ten minutes from one primary to the next, back to the right time in every other round.
      const offset = primary.clock?.seconds === 0 ? offBy(context) : 0
      const successors = await topology.successors(primary)
      for (const { clock } of successors) clock?.set(offset)
      if (topology.kind === 'cluster') await beginWithItsClock(context, successors)
      await topology.planFailover(primary)
      await topology.untilPrimary(primary)
      return everywhere()
    },
  },
  {
    ...{
      name: 'clock-step',
      title: 'a clock steps back while Redis is dead',
      topologies: BOTH,
      errorLimitMs: ERRORS_MS,
    },
    needsClocks: true,
    async inject(context) {
      const { topology, fleet, chance, history } = context
      const node = chance.below(NODES)
      await Promise.all(topology.members.map((member) => member.server.kill()))
      const fromMs = performance.now()
      await pause(chance.between(500, 3000))
      fleet.clocks[node]?.set(-OFF_SECONDS)
      await pause(DEAD_MS)
      history.add({ kind: 'outage', graceMs: WITHOUT_STORE_MS, fromMs, untilMs: performance.now() })
      await Promise.all(topology.members.map((member) => member.server.restart()))
      await topology.untilPrimary()
      const backMs = everywhere()
      await expectSaid(context, node)
      fleet.clocks[node]?.set(0)
      await expectReady(context, node)
      const rightMs = performance.now()
      return backMs.map((ms, index) => (index === node ? rightMs : ms))
    },
  },
]

/**
 * A node of a Cluster remembers by its wall clock when it last asked for votes. Where the clock steps back meanwhile, it asks
 * for none until that moment comes again, and no failover happens at all.
 */
async function beginWithItsClock({ topology }: FaultContext, members: readonly Member[]): Promise<void> {
  await Promise.all(members.map(({ server }) => server.stop()))
  await Promise.all(members.map(({ server }) => server.restart()))
  await topology.untilWhole()
}

function offBy({ chance }: FaultContext): number {
  return chance.happens(0.5) ? OFF_SECONDS : -OFF_SECONDS
}

/** The node is not ready, and says that its clock is the reason. */
async function expectSaid({ fleet, history }: FaultContext, node: number): Promise<void> {
  const isMet = await comes(async () => {
    const { ready, problem } = await fleet.readiness(node)
    return !ready && /clock/i.test(problem)
  })
  const what = `node ${node} says in its readiness that its clock is wrong`
  history.add({ kind: 'expectation', what, isMet, atMs: performance.now() })
}

async function expectReady({ fleet, history }: FaultContext, node: number): Promise<void> {
  const isMet = await comes(async () => (await fleet.readiness(node)).ready)
  const what = `node ${node} is ready again when its clock is right`
  history.add({ kind: 'expectation', what, isMet, atMs: performance.now() })
}

async function comes(isSo: () => Promise<boolean>): Promise<boolean> {
  return until('the readiness', isSo, SAYS_WITHIN_MS).then(
    () => true,
    () => false,
  )
}
