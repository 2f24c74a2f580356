/**
 * How long it takes to find a refresh token among many and, in turn with it, among a few: the `find` of the adapter, as
 * the engine calls it, which brings the token's grant along.
 *
 * Runs in a process of its own (`measureFind` forks this file): two stores are filled in bulk, with a grant for every ten
 * tokens as refreshes leave them. The one keeps as many as the first size, the other grows; in each a token is found at
 * random, first here, then there, so that what the machine does meanwhile is in both.
 */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { epochSeconds, systemClock } from '../../src/base/clock.ts'
import { randomId } from '../../src/base/ids.ts'
import { type HandleModel, handleKey, newGrantId, newHandle } from '../../src/engine/adapter/handles.ts'
import { inRequestScope, requestScope } from '../../src/engine/request/scope.ts'
import { keys } from '../../src/store/keys.ts'
import { openStore } from '../../src/store/open-store.ts'
import type { Key, Store } from '../../src/store/store.ts'
import { freePort } from '../../src/testing/free-port.ts'
import { ES256_API } from './configuration.ts'
import { serveGrantor } from './grantor.ts'
import { quantile } from '../kit/quantile.ts'

export interface FindOptions {
  readonly dataDir: string
  readonly redisUrl?: string
  readonly sizes: readonly number[]
}

export interface FindFigures {
  readonly stored: number
  readonly p50Us: number
  readonly p99Us: number
  /** The median in the store that stayed at the first size, within the same seconds. */
  readonly fewP50Us: number
}

/** The figures of each size, ascending. */
export async function measureFind(options: FindOptions): Promise<FindFigures[]> {
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(options)])
  const [figures] = (await Promise.race([once(child, 'message'), failed(child)])) as [FindFigures[]]
  await once(child, 'exit')
  return figures
}

async function failed(child: ReturnType<typeof fork>): Promise<never> {
  const [code] = (await once(child, 'exit')) as [number]
  throw new Error(`the process that times find() ended with ${code}`)
}

const MODEL: HandleModel = 'RefreshToken'
const TOKENS_PER_GRANT = 10
const GRANTS_AT_ONCE = 50
const LOOKS = 3000
const TTL_SECONDS = 3600

async function run({ dataDir, redisUrl, sizes }: FindOptions): Promise<FindFigures[]> {
  const few = await openPlace({ dataDir: join(dataDir, 'few'), redisUrl: redisUrl && `${redisUrl}/1` })
  const many = await openPlace({ dataDir: join(dataDir, 'many'), redisUrl })
  const figures: FindFigures[] = []
  await fill(few, sizes[0] ?? 0)
  for (const stored of sizes) {
    await fill(many, stored)
    await look(few, many) // What is compiled and opened at first use is not measured.
    const [fewUs, manyUs] = await look(few, many)
    const [p50Us, p99Us] = [quantile(manyUs, 0.5), quantile(manyUs, 0.99)]
    figures.push({ stored, p50Us, p99Us, fewP50Us: quantile(fewUs, 0.5) })
  }
  await Promise.all([few.close(), many.close()])
  return figures
}

/** A server, and the store behind it. */
interface Place {
  readonly adapter: { find(id: string): Promise<object | undefined> }
  readonly store: Store
  readonly handles: string[]
  close(): Promise<void>
}

async function openPlace(where: { dataDir: string; redisUrl: string | undefined }): Promise<Place> {
  const served = await serveGrantor({ issuer: `http://localhost:${await freePort()}`, ...where })
  const { adapter } = served.provider.RefreshToken as unknown as Pick<Place, 'adapter'>
  const store = await openStore(where, systemClock)
  return {
    adapter,
    store,
    handles: [],
    async close() {
      await store.close()
      await served.close()
    },
  }
}

async function fill({ store, handles }: Place, upTo: number): Promise<void> {
  while (handles.length < upTo) {
    const grants = Math.min(GRANTS_AT_ONCE, Math.ceil((upTo - handles.length) / TOKENS_PER_GRANT))
    const stored = await Promise.all(Array.from({ length: grants }, () => storeGrant(store)))
    handles.push(...stored.flat())
  }
}

/** As the adapter stores them. */
async function storeGrant(store: Store): Promise<string[]> {
  const grantId = newGrantId(undefined)
  const grant = keys.grant(grantId)
  const iat = epochSeconds(systemClock)
  const about = { iat, exp: iat + TTL_SECONDS, accountId: randomId(16), clientId: 'bench-spa' }
  const granted = { ...about, kind: 'Grant', openid: { scope: 'openid offline_access' } }
  await store.put(grant, JSON.stringify(granted), { ttlSeconds: TTL_SECONDS })
  const handles = Array.from({ length: TOKENS_PER_GRANT }, () => newHandle(MODEL, grantId, systemClock()))
  const token = { ...about, kind: MODEL, grantId, gty: 'authorization_code', scope: 'openid offline_access' }
  const placing = { ttlSeconds: TTL_SECONDS, ifPresent: [grant], refs: [grant], memberOf: keys.grantMembers(grantId) }
  const payload = JSON.stringify({ ...token, authTime: iat, iiat: iat, rotations: 0, resource: ES256_API })
  await Promise.all(handles.map((handle) => store.put(handleKey(MODEL, handle) as Key, payload, placing)))
  return handles
}

/** The latencies in either place, ascending. */
async function look(few: Place, many: Place): Promise<[number[], number[]]> {
  const latenciesUs: [number[], number[]] = [[], []]
  for (let count = 0; count < LOOKS; count++) {
    latenciesUs[0].push(await lookOnce(few))
    latenciesUs[1].push(await lookOnce(many))
  }
  for (const each of latenciesUs) each.sort((a, b) => a - b)
  return latenciesUs
}

function lookOnce({ adapter, handles }: Place): Promise<number> {
  const handle = handles[Math.floor(Math.random() * handles.length)] as string
  return inRequestScope(async () => {
    const startedMs = performance.now()
    const found = await adapter.find(handle)
    const tookUs = (performance.now() - startedMs) * 1000
    const [grant] = requestScope().seen.values()
    if (found === undefined || (await grant) === undefined)
      throw new Error('a stored token was not found with its grant')
    return tookUs
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const figures = await run(JSON.parse(process.argv[2] ?? '') as FindOptions)
  process.send?.(figures, () => process.disconnect())
}
