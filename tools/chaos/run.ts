/** One run on one topology: starts everything, injects the faults one after the other, gives the history. */

import { createChance } from './chance.ts'
import { figuresOf, type RoundFigures, check, type Violation } from './checker.ts'
import { startClusterTopology } from './cluster-topology.ts'
import { type FaultKind, pause, type Recovery, type FaultContext } from './fault.ts'
import { startFleet } from './fleet.ts'
import { createHistory, type Event, type Fault, type History } from './history.ts'
import { startLoad } from './load.ts'
import { createNetwork } from './network.ts'
import { watchReadiness } from './readiness.ts'
import { startSentinelTopology } from './sentinel-topology.ts'
import type { ClockShop } from './shifted-clock.ts'
import { type TopologyKind, until } from './topology.ts'
import { startVerifiers } from './verifiers.ts'

export interface RunParts {
  readonly topology: TopologyKind
  readonly faults: readonly FaultKind[]
  readonly rounds: number
  readonly seed: number
  readonly server?: string | undefined
  /** Where the clocks of servers come from; needed by faults that make them wrong. */
  readonly clocks?: ClockShop | undefined
  /** Told after each round. */
  readonly onRound?: (round: RoundReport) => void
}

export interface RoundReport {
  readonly topology: TopologyKind
  readonly fault: Fault
  readonly figures: RoundFigures
  /** Those that were found up to now and not told before. */
  readonly violations: readonly Violation[]
}

export interface RunReport {
  readonly rounds: readonly RoundReport[]
  readonly violations: readonly Violation[]
  readonly events: readonly Event[]
}

const WARM_UP_MS = 4000
/** After the errors have to be over, so that errors that come later are seen. */
const AFTER_MS = 2500

export async function runChaos(parts: RunParts): Promise<RunReport> {
  const network = createNetwork()
  const closing: (() => Promise<void>)[] = [() => network.close()]
  const start = { sentinel: startSentinelTopology, cluster: startClusterTopology }[parts.topology]
  try {
    const makeClock = parts.clocks && (() => (parts.clocks as ClockShop).make())
    const topology = await start({ network, makeClock })
    closing.push(() => topology.close())
    const fleet = await startFleet({ network, redisUrl: topology.url, server: parts.server, makeClock })
    closing.push(() => fleet.close())
    const history = createHistory()
    const verifiers = await startVerifiers(fleet.issuer, fleet.urls, history)
    closing.push(() => verifiers.close())
    const chance = createChance(parts.seed)
    const load = startLoad({ fleet, verifiers, history, chance: createChance(parts.seed + 1) })
    closing.push(() => load.stop())
    const readiness = watchReadiness(fleet, history)
    closing.push(() => readiness.stop())
    await pause(WARM_UP_MS)
    const rounds = await playRounds(parts, { topology, network, fleet, chance, history, load })
    await load.stop()
    return { rounds, violations: check(history.events), events: history.events }
  } finally {
    for (const close of closing.toReversed()) await close()
  }
}

async function playRounds(parts: RunParts, context: FaultContext): Promise<RoundReport[]> {
  const reports: RoundReport[] = []
  const { history } = context
  const told = new Set<string>()
  for (const kind of parts.faults) {
    for (let round = 1; round <= parts.rounds; round++) {
      const fault = await playRound(kind, round, context)
      history.add(fault)
      const violations = check(history.events).filter(({ what }) => !told.has(what))
      for (const { what } of violations) told.add(what)
      const report = { topology: parts.topology, fault, figures: figuresOf(history.events, fault), violations }
      reports.push(report)
      parts.onRound?.(report)
    }
  }
  return reports
}

async function playRound(kind: FaultKind, round: number, context: FaultContext): Promise<Fault> {
  await context.topology.untilWhole()
  const injectedMs = performance.now()
  const primaryMs = await kind.inject(context)
  const { name, errorLimitMs } = kind
  await pause(Math.max(0, Math.max(...primaryMs) + errorLimitMs + AFTER_MS - performance.now()))
  await context.topology.untilWhole()
  await untilServing(context.history, primaryMs)
  return { kind: 'fault', name, round, injectedMs, primaryMs, errorLimitMs, endMs: performance.now() }
}

/** Every node has succeeded in a single use since it had its primary. */
async function untilServing({ events }: History, primaryMs: Recovery): Promise<void> {
  const serves = (node: number, sinceMs: number) =>
    events.some(
      (event) => event.kind === 'use' && event.node === node && event.outcome === 'success' && event.startMs > sinceMs,
    )
  await until('every node serves again', async () => primaryMs.every((sinceMs, node) => serves(node, sinceMs)))
}
