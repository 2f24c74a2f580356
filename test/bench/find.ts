/**
 * How long it takes to find a refresh token among a thousand, ten thousand … stored ones.
 *
 * Runs in a process of its own (`measureFind` forks this file), on the store alone: put in bulk, with a grant for every
 * ten tokens as refreshes leave them, then found one at a time and at random.
 */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { systemClock } from '../../src/base/clock.ts'
import { randomId } from '../../src/base/ids.ts'
import { type HandleModel, handleKey, newGrantId, newHandle } from '../../src/provider/handles.ts'
import { keys } from '../../src/store/keys.ts'
import { openStore } from '../../src/store/open-store.ts'
import type { Key, Store } from '../../src/store/store.ts'
import { quantile } from './measure.ts'

export interface FindOptions {
  readonly dataDir: string
  readonly redisUrl?: string
  readonly sizes: readonly number[]
}

export interface FindFigures {
  readonly stored: number
  readonly p50Us: number
  readonly p99Us: number
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
  const store = await openStore({ dataDir, redisUrl }, systemClock)
  const stored: Key[] = []
  const figures: FindFigures[] = []
  await look(store, await fill(store, TOKENS_PER_GRANT)) // What is compiled and opened at first use is not measured.
  for (const size of sizes) {
    while (stored.length < size)
      stored.push(...(await fill(store, Math.min(size - stored.length, TOKENS_PER_GRANT * GRANTS_AT_ONCE))))
    const latenciesUs = (await look(store, stored)).sort((a, b) => a - b)
    figures.push({ stored: size, p50Us: quantile(latenciesUs, 0.5), p99Us: quantile(latenciesUs, 0.99) })
  }
  await store.close()
  return figures
}

async function fill(store: Store, tokens: number): Promise<Key[]> {
  const grants = Array.from({ length: Math.ceil(tokens / TOKENS_PER_GRANT) }, () => storeGrant(store))
  return (await Promise.all(grants)).flat()
}

async function storeGrant(store: Store): Promise<Key[]> {
  const grantId = newGrantId(undefined)
  const grant = keys.grant(grantId)
  await store.put(grant, JSON.stringify({ accountId: randomId(16), clientId: 'bench' }), { ttlSeconds: TTL_SECONDS })
  const tokens = Array.from({ length: TOKENS_PER_GRANT }, () => handleKey(MODEL, newHandle(MODEL, grantId)) as Key)
  const payload = JSON.stringify({ kind: MODEL, clientId: 'bench', grantId, scope: 'openid offline_access' })
  const placing = { ttlSeconds: TTL_SECONDS, ifPresent: [grant], refs: [grant], memberOf: keys.grantMembers(grantId) }
  await Promise.all(tokens.map((token) => store.put(token, payload, placing)))
  return tokens
}

async function look(store: Store, stored: readonly Key[]): Promise<number[]> {
  const latenciesUs: number[] = []
  for (let count = 0; count < LOOKS; count++) {
    const key = stored[Math.floor(Math.random() * stored.length)] as Key
    const startedMs = performance.now()
    const found = await store.getLinked(key)
    latenciesUs.push((performance.now() - startedMs) * 1000)
    if (found?.refs.size !== 1) throw new Error('a stored token was not found with its grant')
  }
  return latenciesUs
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const figures = await run(JSON.parse(process.argv[2] ?? '') as FindOptions)
  process.send?.(figures, () => process.disconnect())
}
