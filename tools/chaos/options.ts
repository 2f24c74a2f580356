/** What the rig is asked to do, from its command line. */

import { parseArgs } from 'node:util'

import { FAULTS } from './faults.ts'
import type { TopologyKind } from './topology.ts'

export interface ChaosOptions {
  readonly topologies: readonly TopologyKind[]
  /** Names of faults, in the order in which they are injected. */
  readonly faults: readonly string[]
  readonly rounds: number
  readonly seed: number
  /** The project whose server is run; this one unless set. */
  readonly server: string | undefined
  readonly jsonFile: string | undefined
}

const KINDS: readonly TopologyKind[] = ['sentinel', 'cluster']

export const USAGE = `npm run chaos -- [options]

Three servers on a Redis with Sentinel or Cluster take a mixed load while faults are injected. A checker then judges what
the clients saw: nothing used twice, nothing alive after its acknowledged end, nothing lost, every token verifiable, no
errors once the fault is over. The default, ten rounds of every fault, takes about half an hour.

  --topology NAME    sentinel or cluster (default: both)
  --fault NAME       one of ${FAULTS.map(({ name }) => name).join(', ')} (default: all; may be given several times)
  --rounds N         rounds of each fault (default 10)
  --seed N           makes the same choices again (default: random, and printed)
  --server FOLDER    runs the server of another checkout, such as one of an older commit
  --json FILE        writes the history, the violations and the figures
  --help             this
`

/** `undefined` when help was asked for. Throws with a sentence for an option that is wrong. */
export function readOptions(args: readonly string[], randomSeed: number): ChaosOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', default: false },
      topology: { type: 'string', multiple: true },
      fault: { type: 'string', multiple: true },
      rounds: { type: 'string', default: '10' },
      seed: { type: 'string', default: String(randomSeed) },
      server: { type: 'string' },
      json: { type: 'string' },
    },
  })
  if (values.help) return undefined
  const names = FAULTS.map(({ name }) => name)
  return {
    topologies: someOf('topology', KINDS, values.topology),
    faults: someOf('fault', names, values.fault),
    rounds: wholeNumber('rounds', values.rounds, 1),
    seed: wholeNumber('seed', values.seed, 0),
    server: values.server,
    jsonFile: values.json,
  }
}

function someOf<Name extends string>(option: string, known: readonly Name[], asked: readonly string[] = known): Name[] {
  return asked.map((name) => {
    const found = known.find((one) => one === name)
    if (found === undefined) throw new TypeError(`--${option} is ${name}; it wants one of ${known.join(', ')}`)
    return found
  })
}

function wholeNumber(name: string, text: string, least: number): number {
  const number = Number(text)
  if (!(Number.isInteger(number) && number >= least)) {
    throw new TypeError(`--${name} is ${text}; it wants a whole number from ${least}`)
  }
  return number
}
