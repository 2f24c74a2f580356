/**
 * One row, measured at both servers in turn: reference, Grantor, reference, Grantor …, so that whatever drifts (the
 * machine's other work, its temperature) drifts under both.
 */

import { quantile } from '../kit/quantile.ts'
import { drive, openConnections } from './driver.ts'
import type { Row } from './rows.ts'
import type { Subject } from './subject.ts'

export interface Pair {
  readonly reference: Subject
  readonly grantor: Subject
}

export interface Rounds {
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
}

export interface Figures {
  readonly requests: number
  /** Requests for each second of processor time of the server, all its threads together. */
  readonly perCpuSecond: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface RowFigures {
  readonly reference: Figures
  readonly grantor: Figures
  /** Grantor's requests per CPU-second over the reference's: the median over pairs of neighbouring rounds. */
  readonly ratio: number
  /** A quarter of the pairs lies below the first, a quarter above the second. */
  readonly spread: readonly [number, number]
}

interface Round {
  readonly requests: number
  readonly cpuSeconds: number
  readonly elapsedSeconds: number
  readonly latenciesMs: readonly number[]
}

export async function measureRow(row: Row, pair: Pair, plan: Rounds): Promise<RowFigures> {
  for (const subject of [pair.reference, pair.grantor]) await runRound(row, subject, plan.warmUpSeconds)
  const reference: Round[] = []
  const grantor: Round[] = []
  for (let round = 0; round < plan.rounds; round++) {
    reference.push(await runRound(row, pair.reference, plan.seconds))
    grantor.push(await runRound(row, pair.grantor, plan.seconds))
  }
  const ratios = grantor
    .map((ours, index) => perCpuSecond([ours]) / perCpuSecond(reference.slice(index, index + 1)))
    .sort((a, b) => a - b)
  return {
    reference: figures(reference),
    grantor: figures(grantor),
    ratio: quantile(ratios, 0.5),
    spread: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
  }
}

async function runRound(row: Row, subject: Subject, seconds: number): Promise<Round> {
  const connections = await openConnections(subject.port, await row.prepare(subject))
  const before = await subject.usage()
  const { requests, elapsedSeconds, latenciesMs } = await drive(connections, seconds)
  const after = await subject.usage()
  for (const connection of connections) {
    const body = connection.answer?.body ?? ''
    if (!body.includes(row.expects)) throw new Error(`${row.name} was answered with ${body}`)
    connection.close()
  }
  return { requests, cpuSeconds: after.cpuSeconds - before.cpuSeconds, elapsedSeconds, latenciesMs }
}

function figures(rounds: readonly Round[]): Figures {
  const latenciesMs = rounds.flatMap((round) => round.latenciesMs).sort((a, b) => a - b)
  return {
    requests: latenciesMs.length,
    perCpuSecond: perCpuSecond(rounds),
    perSecond: latenciesMs.length / sum(rounds.map(({ elapsedSeconds }) => elapsedSeconds)),
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
  }
}

function perCpuSecond(rounds: readonly Round[]): number {
  return sum(rounds.map(({ requests }) => requests)) / sum(rounds.map(({ cpuSeconds }) => cpuSeconds))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
