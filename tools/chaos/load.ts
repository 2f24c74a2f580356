/** The mixed load: every actor works in a loop of its own until it is stopped. Some thirty requests a second in all. */

import type { Chance } from './chance.ts'
import { endFamilies, endFamiliesByCommand } from './revoking.ts'
import { createLiveState, type LiveState } from './live-state.ts'
import { type Fleet, NODES } from './fleet.ts'
import type { Event, History } from './history.ts'
import { presentAssertions, useMachineTokens } from './machines.ts'
import { refreshFamilies, signUsersIn } from './users.ts'
import { lookAtEnded, lookAtLiving, presentAgain } from './probes.ts'
import { pushRequests } from './pushed.ts'
import { redeemTwice } from './redeemed-twice.ts'
import type { Verifiers } from './verifiers.ts'

/** What every actor is given. */
export interface LoadContext {
  readonly fleet: Fleet
  readonly verifiers: Verifiers
  readonly history: History
  readonly chance: Chance
  readonly state: LiveState
  /** A node to be asked for something new: one of those that are ready, where a balancer would look. */
  node(): number
  /** Any node, ready or not. */
  anyNode(): number
  /** Two different nodes. */
  twoNodes(): readonly [number, number]
  record(event: Event): void
}

export interface Load {
  /** Only nodes that say they are ready are asked for anything new, from now on; `undefined`: all are. */
  routeTo(ready: readonly number[] | undefined): void
  /** Resolves when no actor waits for an answer any more. */
  stop(): Promise<void>
}

/** What one actor does, and how long it rests after it. */
interface Actor {
  readonly act: (context: LoadContext) => Promise<void>
  readonly restMs: number
}

const ACTORS: readonly Actor[] = [
  { act: signUsersIn(), restMs: 500 },
  { act: signUsersIn(), restMs: 500 },
  { act: refreshFamilies, restMs: 350 },
  { act: refreshFamilies, restMs: 350 },
  { act: redeemTwice(), restMs: 700 },
  { act: pushRequests(), restMs: 900 },
  { act: useMachineTokens, restMs: 450 },
  { act: presentAssertions, restMs: 500 },
  { act: endFamilies, restMs: 400 },
  { act: endFamiliesByCommand, restMs: 15_000 },
  { act: lookAtEnded, restMs: 90 },
  { act: lookAtLiving, restMs: 250 },
  { act: presentAgain, restMs: 250 },
]

export function startLoad(parts: Pick<LoadContext, 'fleet' | 'verifiers' | 'history' | 'chance'>): Load {
  const { history, chance } = parts
  const all = Array.from({ length: NODES }, (_, node) => node)
  let routed: readonly number[] = all
  let isStopping = false
  const context: LoadContext = {
    ...parts,
    state: createLiveState(),
    node: () => chance.pick(routed) ?? chance.below(NODES),
    anyNode: () => chance.below(NODES),
    twoNodes() {
      const first = chance.below(NODES)
      return [first, (first + 1 + chance.below(NODES - 1)) % NODES]
    },
    record: (event) => history.add(event),
  }
  const loops = ACTORS.map(async ({ act, restMs }) => {
    while (!isStopping) {
      await act(context)
      await new Promise((resolve) => setTimeout(resolve, restMs * chance.between(0.5, 1.5)))
    }
  })
  return {
    routeTo(ready) {
      routed = ready === undefined || ready.length === 0 ? all : ready
    },
    async stop() {
      isStopping = true
      await Promise.all(loops)
    },
  }
}
