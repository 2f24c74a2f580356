/**
 * What clients in the store cost: `npm run bench:registry -- --clients 100000`.
 *
 * Two servers, each on a store of its own: one with a few clients, one with that many. Both are driven in turn within the
 * same seconds, so that the ratio says what the clients cost and not what else the machine does. Then the first use of
 * clients that no server holds, and the resident memory after each of them was used.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { freePort } from '../../../test/support/start.ts'
import { startBackend } from '../backend.ts'
import { measureRow, type Rounds } from '../measure.ts'
import { ROWS } from '../rows.ts'
import { startSubject, type Subject } from '../subject.ts'
import { fillWithClients } from './fill.ts'
import { firstUses } from './first-uses.ts'
import { useEach } from './use-each.ts'

const USAGE = `npm run bench:registry -- [options]

  --clients N     how many clients the store of the second server has (default 100000)
  --store NAME    embedded or redis; unset: both
  --memory        also uses each client, and says how much memory the server then holds
  --seconds N     how long each row is measured at each server (default 14)
`

const FEW = 10
// Long enough that each connection is answered in each round also on a busy machine.
const ROUND_SECONDS = 0.4
const FEWEST_ROUNDS = 5
const MOST_COST = 0.05
const LONGEST_FIRST_USE_MS = 2
const MOST_MEGABYTES = 80
// One each; what the servers' heartbeats read meanwhile is in it.
const MOST_COMMANDS = 1.1

type StoreName = 'embedded' | 'redis'

interface Options {
  readonly stores: readonly StoreName[]
  readonly clients: number
  readonly memory: boolean
  readonly rounds: Rounds
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      clients: { type: 'string', default: '100000' },
      store: { type: 'string' },
      memory: { type: 'boolean', default: false },
      seconds: { type: 'string', default: '14' },
    },
  })
  const { store } = values
  if (store !== undefined && store !== 'embedded' && store !== 'redis')
    throw new TypeError(`there is no store ${store}`)
  const rounds = Math.max(FEWEST_ROUNDS, Math.round(Number(values.seconds) / ROUND_SECONDS))
  return {
    stores: store === undefined ? ['embedded', 'redis'] : [store],
    clients: Number(values.clients),
    memory: values.memory,
    rounds: { rounds, seconds: ROUND_SECONDS, warmUpSeconds: 2.5 },
  }
}

interface Place {
  readonly issuer: string
  readonly dataDir: string
  readonly redisUrl: string | undefined
}

async function bench(options: Options): Promise<void> {
  for (const store of options.stores) {
    const backend = await startBackend(store)
    if (backend === undefined) {
      console.log(`${store}: there is no redis-server on the path`)
      continue
    }
    const folder = await mkdtemp(join(tmpdir(), 'grantor-bench-'))
    try {
      const [few, many] = [await placeIn(folder, 0, backend.grantor), await placeIn(folder, 1, backend.grantor)]
      await benchStore(store, { few, many }, options)
    } finally {
      await backend.stop()
      await rm(folder, { recursive: true, force: true })
    }
  }
}

async function placeIn(
  folder: string,
  at: number,
  { redisUrl }: { readonly redisUrl?: string | undefined },
): Promise<Place> {
  return {
    issuer: `http://localhost:${await freePort()}`,
    dataDir: join(folder, String(at)),
    redisUrl: redisUrl && `${redisUrl}/${at}`,
  }
}

async function benchStore(
  store: StoreName,
  { few, many }: { few: Place; many: Place },
  options: Options,
): Promise<void> {
  const subjects = [
    await startSubject({ kind: 'grantor', ...few }),
    await startSubject({ kind: 'grantor', ...many }),
  ] as const
  const [atFew, atMany] = subjects
  try {
    await fillWithClients(few, FEW)
    await fillWithClients(many, options.clients)
    for (const name of ['machine-es256', 'refresh-oauth', 'refresh']) {
      const row = ROWS.find((one) => one.name === name)
      if (row === undefined) throw new TypeError(`there is no row ${name}`)
      const { ratio, spread } = await measureRow(row, { reference: atFew, grantor: atMany }, options.rounds)
      const shown = `${ratio.toFixed(3)} (half of the pairs in ${spread.map((one) => one.toFixed(2)).join('–')})`
      judge(ratio > 1 - MOST_COST, `${store}: ${row.title}: ${options.clients} clients over ${FEW}: ${shown}`)
    }
    const uses = await firstUses(many, options.clients)
    const trips = uses.roundTrips === undefined ? '' : `, ${uses.roundTrips.toFixed(2)} commands of Redis each`
    const kept = uses.roundTrips === undefined ? uses.medianMs < LONGEST_FIRST_USE_MS : uses.roundTrips < MOST_COMMANDS
    judge(
      kept,
      `${store}: first use of a client, ms: median ${uses.medianMs.toFixed(3)}, p99 ${uses.p99Ms.toFixed(3)}${trips}`,
    )
    if (options.memory) await benchMemory(store, atMany, options.clients)
  } finally {
    await Promise.all(subjects.map((subject) => subject.stop()))
  }
}

async function benchMemory(store: StoreName, subject: Subject, clients: number): Promise<void> {
  const { beforeMb, afterMb, restedMb } = await useEach(subject, clients)
  const shown = `${beforeMb.toFixed(0)} MB before, ${afterMb.toFixed(0)} MB at once, ${restedMb.toFixed(0)} MB at rest`
  judge(restedMb - beforeMb < MOST_MEGABYTES, `${store}: resident after each of ${clients} clients was used: ${shown}`)
}

function judge(isKept: boolean, sentence: string): void {
  console.log(`${isKept ? 'kept  ' : 'MISSED'} ${sentence}`)
  if (!isKept) process.exitCode = 1
}

try {
  await bench(readOptions())
} catch (error) {
  console.error(error instanceof TypeError ? `${error.message}\n\n${USAGE}` : error)
  process.exitCode = 1
}
