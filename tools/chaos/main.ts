/** `npm run chaos`: faults on a Redis with replicas, and a checker that judges what clients saw (see README.md). */

import { randomInt } from 'node:crypto'
import { writeFile } from 'node:fs/promises'

import type { FaultKind } from './fault.ts'
import { FAULTS } from './faults.ts'
import { type ChaosOptions, readOptions, USAGE } from './options.ts'
import { roundLine, table, violationLines } from './report.ts'
import { type RoundReport, runChaos, type RunReport } from './run.ts'
import { openClockShop } from './shifted-clock.ts'
import type { TopologyKind } from './topology.ts'

async function chaos(options: ChaosOptions): Promise<RunReport[]> {
  console.log(`seed ${options.seed}`)
  const reports: RunReport[] = []
  const areClocksWrong = FAULTS.some(({ name, needsClocks }) => needsClocks === true && options.faults.includes(name))
  const clocks = areClocksWrong ? openClockShop() : undefined
  for (const topology of options.topologies) {
    const faults = faultsOn(topology, options, clocks !== undefined)
    if (faults.length === 0) continue
    const { rounds, seed, server } = options
    reports.push(await runChaos({ topology, faults, rounds, seed, server, clocks, onRound: tell }))
  }
  clocks?.close()
  return reports
}

function faultsOn(topology: TopologyKind, options: ChaosOptions, hasClocks: boolean): FaultKind[] {
  return FAULTS.filter(({ name, topologies, needsClocks }) => {
    const isMeant = options.faults.includes(name) && topologies.includes(topology)
    if (isMeant && needsClocks === true && !hasClocks) console.warn(`SKIPPED: ${name}, because there is no C compiler`)
    return isMeant && (needsClocks !== true || hasClocks)
  })
}

function tell(round: RoundReport): void {
  console.log(roundLine(round))
  for (const line of violationLines(round.violations)) console.log(line)
}

// When the rig is ended, its servers end too: they are stopped when this process exits.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

try {
  const options = readOptions(process.argv.slice(2), randomInt(2 ** 31))
  if (options === undefined) console.log(USAGE)
  else {
    const reports = await chaos(options)
    const violations = reports.flatMap((report) => report.violations)
    console.log(`\n${table(reports.flatMap(({ rounds }) => rounds))}\n`)
    if (options.jsonFile !== undefined) await writeFile(options.jsonFile, JSON.stringify(reports))
    console.log(violations.length === 0 ? 'held: 0 violations' : `FAILED: ${violations.length} violations`)
    process.exitCode = violations.length === 0 ? 0 : 1
  }
} catch (error) {
  console.error(error instanceof TypeError ? `${error.message}\n\n${USAGE}` : error)
  process.exitCode = 1
}
