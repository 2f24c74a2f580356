/**
 * `npm run changes`: clients, secrets and APIs change on two nodes of two workers while all of them are busy.
 *
 * Each change is made as an operator's command makes it, and every worker is asked until it has it. Meanwhile others use
 * every worker, and none of their requests may fail. The tokens of removed clients are shown to a verifier, and two
 * operators change the same client at once.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { RegistryEntryChanged } from '../../src/faults/registry.ts'
import { createVerifier } from '../../src/resource/index.ts'
import { quantile } from '../kit/quantile.ts'
import { type ChangedServers, startChangedServers, type StoreName } from './changed-servers.ts'
import { changesOf, ORDERS } from './changes.ts'
import { startLoad } from './load.ts'

const USAGE = `npm run changes -- [options]

  --rounds N      each makes ten changes (default 22)
  --store NAME    embedded or redis; unset: both
`

const LONGEST_MS = 1000
const GIVE_UP_MS = 20_000
const LOOK_MS = 3
const EDITS = 40

async function run(rounds: number, store: StoreName): Promise<void> {
  const servers = await startChangedServers(store)
  try {
    const load = await startLoad(servers)
    const delays = await changeAll(servers, rounds)
    const refusals = await removeAll(servers, rounds)
    const edits = await editAtOnce(servers)
    const { answered, failed } = await load.stop()
    report(store, { delays, refusals, edits, answered, failed })
  } finally {
    await servers.close()
  }
}

/** The delays until every worker has a change, from the moment at which the operator was told that it is made. */
async function changeAll({ operators, connect }: ChangedServers, rounds: number): Promise<Map<string, number[]>> {
  const workers = connect()
  const delays = new Map<string, number[]>()
  for (let round = 0; round < rounds; round++) {
    for (const [at, { name, make, isInForce }] of changesOf(round, operators).entries()) {
      await make((operators[(round + at) % 2] ?? operators[0]).registration.changes)
      const beganMs = performance.now()
      await Promise.all(workers.map((worker) => until(name, () => isInForce(worker))))
      delays.set(name, [...(delays.get(name) ?? []), performance.now() - beganMs])
    }
  }
  return delays
}

async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + GIVE_UP_MS
  while (!(await isTrue())) {
    if (performance.now() > endMs) throw new Error(`${what}: not in force after ${GIVE_UP_MS} ms`)
    await sleep(LOOK_MS)
  }
}

/** The delays until a verifier refuses the JWT of a client, from the moment at which an operator removes it. */
async function removeAll({ issuer, operators, connect }: ChangedServers, rounds: number): Promise<number[]> {
  const workers = connect()
  const revocations = { clientId: 'demo-machine', clientSecret: 'demo-machine-secret-not-for-production' }
  const verifier = createVerifier({ issuer, audience: ORDERS, revocations })
  const delays: number[] = []
  try {
    for (let round = 0; round < rounds; round++) {
      const [{ registration }] = operators
      const id = `leaving-${round}`
      const entry = { client_id: id, grant_types: ['client_credentials'], apis: { [ORDERS]: ['orders:read'] } }
      const { secret = '' } = await registration.changes.addClient(entry)
      const worker = workers[round % workers.length]
      const form = { grant_type: 'client_credentials', scope: 'orders:read' }
      const token = String((await worker?.post('/token', form, { id, secret }))?.body.access_token)
      await verifier.verify(token)
      const beganMs = performance.now()
      await registration.changes.removeClient(id)
      await until('a token of a removed client is refused', () =>
        verifier.verify(token).then(
          () => false,
          () => true,
        ),
      )
      delays.push(performance.now() - beganMs)
    }
  } finally {
    await verifier.close()
  }
  return delays
}

interface Edits {
  readonly won: number
  readonly told: number
}

/** Two operators who read the same version of a client and change it at once. */
async function editAtOnce({ operators }: ChangedServers): Promise<Edits> {
  const [one, other] = operators.map(({ registration }) => registration.changes)
  if (one === undefined || other === undefined) throw new TypeError('there are two operators')
  const redirect_uris = ['https://edited.example/callback']
  await one.addClient({ client_id: 'edited', token_endpoint_auth_method: 'none', redirect_uris })
  let [won, told] = [0, 0]
  for (let ifVersion = 1; ifVersion <= EDITS; ifVersion++) {
    const edits = [one, other].map((changes, at) =>
      changes.setClient('edited', { client_name: `Edit ${ifVersion} of ${at}` }, { ifVersion }),
    )
    for (const { status, ...result } of await Promise.allSettled(edits)) {
      if (status === 'fulfilled') won += 1
      else if ((result as { reason?: unknown }).reason instanceof RegistryEntryChanged) told += 1
    }
  }
  return { won, told }
}

interface Results {
  readonly delays: ReadonlyMap<string, readonly number[]>
  readonly refusals: readonly number[]
  readonly edits: Edits
  readonly answered: number
  readonly failed: readonly string[]
}

function report(store: StoreName, { delays, refusals, edits, answered, failed }: Results): void {
  for (const [name, each] of delays) console.log(`       ${store}: ${name}: ${figuresOf(each)}`)
  const all = [...delays.values()].flat()
  judge(quantile(all, 0.99) < LONGEST_MS, `${store}: ${all.length} changes in force on every worker: ${figuresOf(all)}`)
  judge(quantile(refusals, 0.99) < LONGEST_MS, `${store}: tokens of removed clients refused: ${figuresOf(refusals)}`)
  judge(
    failed.length === 0,
    `${store}: ${failed.length} of ${answered} requests of others failed ${failed.slice(0, 3).join(' ')}`,
  )
  const isToldEach = edits.won === EDITS && edits.told === EDITS
  judge(isToldEach, `${store}: of ${EDITS} pairs of editors at once ${edits.won} won, and ${edits.told} were told`)
}

function figuresOf(delays: readonly number[]): string {
  const [median, p99, most] = [0.5, 0.99, 1].map((share) => quantile(delays, share).toFixed(0))
  return `median ${median} ms, p99 ${p99} ms, most ${most} ms`
}

function judge(isKept: boolean, sentence: string): void {
  console.log(`${isKept ? 'kept  ' : 'MISSED'} ${sentence}`)
  if (!isKept) process.exitCode = 1
}

const STORES: readonly StoreName[] = ['embedded', 'redis']
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '22' }, store: { type: 'string' } } })
const wanted = STORES.filter((store) => values.store === undefined || values.store === store)
if (wanted.length === 0) {
  console.error(USAGE)
  process.exitCode = 2
}
for (const store of wanted) await run(Number(values.rounds), store)
