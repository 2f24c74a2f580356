/**
 * `npm run bench`: Grantor beside the bare engine, on this machine, in this run.
 *
 * Absolute figures tell of the machine; what counts is the ratio of two servers that were driven in turn within the same
 * seconds. This process is the driver; each server has one of its own.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'

import { freePort } from '../../test/support/start.ts'
import { type Backend, startBackend } from './backend.ts'
import { measureFind } from './find.ts'
import { measureRow, type Pair } from './measure.ts'
import { measureMemory } from './memory.ts'
import { type BenchOptions, isSentinel, readOptions, type StoreName, USAGE } from './options.ts'
import { report } from './report.ts'
import { judge, type RowResult, type StoreResults, targetOf } from './results.ts'
import { measureStartUp } from './startup.ts'
import { startSubject } from './subject.ts'

async function bench(options: BenchOptions): Promise<void> {
  const results: StoreResults[] = []
  for (const store of options.stores) {
    const backend = await startBackend(store)
    try {
      if (backend === undefined) say(`NO ROWS OF ${store}: there is no redis-server on the path`)
      else results.push(await benchStore(store, backend, options))
    } finally {
      await backend?.stop()
    }
  }
  console.log(report(results))
  if (options.jsonFile !== undefined) await writeFile(options.jsonFile, asJson(results))
}

async function benchStore(store: StoreName, backend: Backend, options: BenchOptions): Promise<StoreResults> {
  const { redisUrl } = backend.grantor
  const rows = await withPair(backend, options.profileDir, (pair) => benchRows(store, pair, options))
  if (!options.beyondRows || isSentinel(store)) return { store, rows }

  say(`${store}: memory after ${options.tokensForMemory} tokens`)
  const memory = await withPair(backend, undefined, async ({ grantor, reference }) => ({
    grantor: await measureMemory(grantor, options.tokensForMemory),
    reference: await measureMemory(reference, options.tokensForMemory),
  }))
  await backend.empty()
  say(`${store}: start-up`)
  const startUp = await measureStartUp(redisUrl)
  await backend.empty()
  say(`${store}: find among ${options.findSizes.join(', ')}`)
  const find = await inFolder((dataDir) =>
    measureFind({ dataDir, sizes: options.findSizes, ...(redisUrl === undefined ? {} : { redisUrl }) }),
  )
  return { store, rows, memory, startUp, find }
}

async function benchRows(store: StoreName, pair: Pair, { rows, rounds }: BenchOptions): Promise<RowResult[]> {
  const results: RowResult[] = []
  for (const row of rows) {
    const figures = await measureRow(row, pair, rounds)
    results.push({ row: row.name, title: row.title, target: targetOf(row, store), ...figures })
    say(`${store}: ${row.name} ${figures.ratio.toFixed(2)}`)
  }
  return results
}

/** Starts Grantor on an empty store and beside it the reference with the same keys; stops both. */
function withPair<T>(backend: Backend, profileDir: string | undefined, work: (pair: Pair) => Promise<T>): Promise<T> {
  return inFolder(async (dataDir) => {
    await backend.empty()
    const place = { issuer: `http://localhost:${await freePort()}`, dataDir }
    const grantor = await startSubject({ kind: 'grantor', ...place, ...backend.grantor }, profileDir)
    const ofReference = { ...place, ...backend.reference, jwks: grantor.jwks }
    const reference = await startSubject({ kind: 'reference', ...ofReference }, profileDir)
    try {
      return await work({ grantor, reference })
    } finally {
      await Promise.all([grantor.stop(), reference.stop()])
    }
  })
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'grantor-bench-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function asJson(results: readonly StoreResults[]): string {
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version }
  return `${JSON.stringify({ machine, results, verdicts: results.flatMap(judge) }, undefined, 2)}\n`
}

/** Progress, beside the report. */
function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

try {
  const options = readOptions(process.argv.slice(2))
  if (options === undefined) console.log(USAGE)
  else await bench(options)
} catch (error) {
  console.error(error instanceof TypeError ? `${error.message}\n\n${USAGE}` : error)
  process.exitCode = 1
}
