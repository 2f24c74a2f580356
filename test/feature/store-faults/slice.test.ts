/**
 * A slice of `npm run chaos`: one round of the faults that have lost the most, judged for what must never happen.
 *
 * How long errors last depends on the machine, so that is judged by the whole rig only. Here every node has to serve again
 * before a round is over, and an ending has longer to become known.
 */

import { expect, it, vi } from 'vitest'

import { check, type Rules, RULES, type Violation } from '../../../tools/chaos/checker.ts'
import { FAULTS } from '../../../tools/chaos/faults.ts'
import { runChaos } from '../../../tools/chaos/run.ts'
import type { TopologyKind } from '../../../tools/chaos/topology.ts'
import { describeWithRedis } from '../../support/redis.ts'

vi.setConfig({ testTimeout: 240_000 })

const PATIENT: Rules = { ...RULES, windowMs: 5000, silenceMs: 30_000 }

describeWithRedis('three servers on Redis with Sentinel', () => {
  it('[B1] lose nothing that was acknowledged, and use nothing twice, through planned failovers', async () => {
    expect(await violationsAfter('sentinel', 'planned', 2)).toEqual([])
  })

  it('[B2] do so while the primary is cut off together with one of them', async () => {
    expect(await violationsAfter('sentinel', 'cut', 1)).toEqual([])
  })
})

describeWithRedis('three servers on a Redis Cluster with replicas', () => {
  it('[B2] lose nothing that was acknowledged while a primary is cut off together with one of them', async () => {
    expect(await violationsAfter('cluster', 'cut', 1)).toEqual([])
  })
})

async function violationsAfter(topology: TopologyKind, fault: string, rounds: number): Promise<Violation[]> {
  const faults = FAULTS.filter(({ name }) => name === fault)
  const { events } = await runChaos({ topology, faults, rounds, seed: 1 })
  return check(events, PATIENT).filter(({ kind }) => kind !== 'error_too_late')
}
