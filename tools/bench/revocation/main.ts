/**
 * `npm run bench:revocation [-- --json FILE] [--store redis|embedded] [--quick] [--only token,key]`: from the answer of the
 * call that revokes to the refusal at every one of 100 verifiers, which follow two nodes, half of them each.
 *
 * Every node and every fifty verifiers are processes of their own; moments are the machine's monotonic clock, which they
 * share. A round ends when the last verifier refuses. Exits with 1 when a goal is missed.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { freePort } from '../../../test/support/start.ts'
import { redisAvailable } from '../../../test/support/redis.ts'
import { startRedis } from '../redis-server.ts'
import { type Child, startChild } from '../../kit/child.ts'
import { ORDERS } from './node.ts'
import { type Figures, figuresOf, GOALS, judge, type StoreName, table } from './report.ts'
import { type Kind, KINDS, type Servers } from './rounds.ts'

const VERIFIERS = 100
const VERIFIER_PROCESSES = 2

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    store: { type: 'string' },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
})

const stores = (['redis', 'embedded'] as const).filter((name) => values.store === undefined || values.store === name)
const kinds = KINDS.filter(({ name }) => values.only === undefined || values.only.split(',').includes(name))
const results: Figures[] = []
for (const store of stores) results.push(...(await benchStore(store)))

console.log(table(results))
const missed = results.flatMap(judge)
for (const sentence of missed) console.log(`MISSED  ${sentence}`)
if (values.json !== undefined) {
  await writeFile(
    values.json,
    `${JSON.stringify({ verifiers: VERIFIERS, goals: GOALS, results, missed }, undefined, 2)}\n`,
  )
}
process.exitCode = missed.length > 0 || results.length === 0 ? 1 : 0

async function benchStore(store: StoreName): Promise<Figures[]> {
  if (store === 'redis' && !redisAvailable()) throw new Error('there is no redis-server on the path')
  const redis = store === 'redis' ? await startRedis() : undefined
  const dataDir = await mkdtemp(join(tmpdir(), 'grantor-bench-'))
  const children: Child[] = []
  try {
    const servers = await startServers({ dataDir, redisUrl: redis?.url }, children)
    const verifiers = await startVerifiers(servers, children)
    const figures: Figures[] = []
    for (const kind of kinds) figures.push(await benchKind(store, kind, servers, verifiers))
    return figures
  } finally {
    await Promise.all(children.toReversed().map((child) => child.stop()))
    await redis?.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function startServers(
  settings: { readonly dataDir: string; readonly redisUrl: string | undefined },
  children: Child[],
): Promise<Servers> {
  const ports = [await freePort(), await freePort()]
  const issuer = `http://localhost:${ports[0]}`
  const clients = Math.max(...KINDS.map(({ rounds }) => rounds))
  const nodes: Child[] = []
  for (const port of ports)
    nodes.push(await startChild(new URL('node.ts', import.meta.url), { ...settings, issuer, port, clients }))
  children.push(...nodes)
  return { issuer, urls: ports.map((port) => `http://localhost:${port}`), nodes }
}

async function startVerifiers({ issuer, urls }: Servers, children: Child[]): Promise<Child[]> {
  const client = { clientId: 'demo-machine', clientSecret: 'demo-machine-secret-not-for-production' }
  const options = { issuer, audience: ORDERS, count: VERIFIERS / VERIFIER_PROCESSES, nodeUrls: urls, ...client }
  const started: Child[] = []
  for (let i = 0; i < VERIFIER_PROCESSES; i++)
    started.push(await startChild(new URL('verifiers.ts', import.meta.url), options))
  children.push(...started)
  return started
}

async function benchKind(
  store: StoreName,
  kind: Kind,
  servers: Servers,
  verifiers: readonly Child[],
): Promise<Figures> {
  const rounds = values.quick ? Math.ceil(kind.rounds / 10) : kind.rounds
  const each: number[] = []
  const last: number[] = []
  for (let index = 0; index < rounds; index++) {
    if (kind.endsReaders) await Promise.all(verifiers.map((child) => child.ask({ ask: 'rest' })))
    const { token, end } = await kind.begin(servers, index)
    await Promise.all(verifiers.map((child) => child.ask({ ask: 'arm', token })))
    const answeredAt = await end()
    const refusedAt = (await Promise.all(verifiers.map((child) => child.ask<bigint[]>({ ask: 'refusals' })))).flat()
    // An entry may be faster than the answer to the call that wrote it.
    const latencies = refusedAt.map((at) => Math.max(0, Number(at - answeredAt) / 1e6))
    each.push(...latencies)
    last.push(Math.max(...latencies))
  }
  const figures = figuresOf({ store, kind: kind.name, how: kind.how, each, last })
  process.stderr.write(`${store} ${kind.name}: the last after ${figures.last.p50.toFixed(1)} ms\n`)
  return figures
}
