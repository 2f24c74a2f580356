/**
 * What clients in the store cost: `npm run bench:registry -- 100000`.
 *
 * One server in this process, on the embedded store. Processor time of a token for a machine with ten clients in the store
 * and with that many; the first use of a client that the server does not hold; resident memory after each of them was used;
 * and a plan of 10,000 declared clients.
 */

import { hashSecret } from '../../src/clients/secrets.ts'
import type { ClientSettings } from '../../src/registry/client/client.ts'
import { PLAIN_CLIENT } from '../../src/registry/client/plain-client.ts'
import { type Running, start } from '../../test/support/start.ts'

const SECRET = 'a-secret-of-the-bench-with-more-than-256-bits-of-text'
const ORDERS = 'https://orders.example'
const IN_USE = 10
const REQUESTS = 3000
const ROUNDS = 5
const FIRST_USES = 500
const DECLARED = 10_000
const AT_ONCE = 500

const count = Number(process.argv[2] ?? 100_000)
const app = await start()
try {
  await write(app, 0, IN_USE)
  await ask(app, REQUESTS)
  const few = await processorTime(app)
  const before = process.memoryUsage.rss()
  await write(app, IN_USE, count)
  const many = await processorTime(app)
  const first = await firstUses(app)
  await useEach(app)
  globalThis.gc?.()
  const grown = (process.memoryUsage.rss() - before) / 1024 / 1024
  console.log(
    `client_credentials, µs of processor: ${few.toFixed(0)} with ${IN_USE} clients, ${many.toFixed(0)} with ${count} (${(((many - few) / few) * 100).toFixed(1)} %)`,
  )
  console.log(`first use of a client, ms: median ${first.median.toFixed(2)}, p99 ${first.p99.toFixed(2)}`)
  console.log(`resident after each of ${count} was used: ${grown.toFixed(0)} MB more`)
  await plan(app)
} finally {
  await app.close()
}

function aClient(at: number): ClientSettings {
  const clientId = `client-${at}`
  return {
    ...{ ...PLAIN_CLIENT, clientId, clientName: `Client ${at}`, authMethod: 'client_secret_post' },
    ...{ secretHash: hashSecret(SECRET), grantTypes: ['client_credentials'], apis: { [ORDERS]: ['orders:read'] } },
  }
}

async function write({ nodes: [node] }: Running, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, to - at) }, (_, index) => aClient(at + index))
    await Promise.all(some.map(async (client) => node?.registry.clientRecords.write(client, 'admin', undefined)))
  }
}

async function token({ urls }: Running, at: number): Promise<void> {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    scope: 'orders:read',
    client_id: `client-${at}`,
    client_secret: SECRET,
  })
  const response = await fetch(`${urls[0]}/token`, { method: 'POST', body })
  if (response.status !== 200) throw new Error(`client-${at}: ${response.status} ${await response.text()}`)
  await response.arrayBuffer()
}

async function ask(running: Running, requests: number): Promise<void> {
  for (let at = 0; at < requests; at += IN_USE) {
    await Promise.all(Array.from({ length: IN_USE }, (_, client) => token(running, client)))
  }
}

/** Of one request, the caller's part too: the least of some rounds, since other processes only add. */
async function processorTime(running: Running): Promise<number> {
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const began = process.cpuUsage()
    await ask(running, REQUESTS)
    const { user, system } = process.cpuUsage(began)
    rounds.push((user + system) / REQUESTS)
  }
  return Math.min(...rounds)
}

async function firstUses({ nodes: [node] }: Running): Promise<{ median: number; p99: number }> {
  const delays: number[] = []
  for (let at = 0; at < FIRST_USES; at++) {
    const began = performance.now()
    await node?.clients.findClient(`client-${Math.floor(count / 2) + at}`)
    delays.push(performance.now() - began)
  }
  delays.sort((a, b) => a - b)
  return { median: delays[FIRST_USES / 2] ?? 0, p99: delays[Math.floor(FIRST_USES * 0.99)] ?? 0 }
}

/** Each client is looked up, and some get a token, for which the engine makes a model of it. */
async function useEach(running: Running): Promise<void> {
  const [node] = running.nodes
  for (let at = 0; at < count; at += AT_ONCE) {
    const ids = Array.from({ length: Math.min(AT_ONCE, count - at) }, (_, index) => at + index)
    await Promise.all(ids.map(async (id) => node?.clients.findClient(`client-${id}`)))
  }
  for (let at = Math.max(0, count - DECLARED); at < count; at += IN_USE) {
    await Promise.all(Array.from({ length: Math.min(IN_USE, count - at) }, (_, index) => token(running, at + index)))
  }
}

async function plan({ nodes: [node], config }: Running): Promise<void> {
  const clients = Array.from({ length: DECLARED }, (_, at) => ({ ...aClient(at), clientId: `declared-${at}` }))
  const declared = { ...config, clients: [...config.clients, ...clients] }
  const began = performance.now()
  await node?.registration.file.apply(declared)
  const applied = performance.now()
  const edited = declared.clients.map((client) =>
    client.clientId === 'declared-7' ? { ...client, clientName: 'Edited' } : client,
  )
  const differences = await node?.registration.file.plan({ ...declared, clients: edited })
  const planned = performance.now()
  console.log(
    `${DECLARED} declared clients: apply ${(applied - began).toFixed(0)} ms, plan ${(planned - applied).toFixed(0)} ms, ${differences?.clients.length} to change`,
  )
}
