/**
 * How long it takes to find a refresh token among a thousand, ten thousand … stored ones: the `find` of the adapter, as
 * the engine calls it, which brings the token's grant along.
 *
 * Runs in a process of its own (`measureFind` forks this file): put in bulk, with a grant for every ten tokens as
 * refreshes leave them, then found one at a time and at random.
 */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { epochSeconds, systemClock } from '../../src/base/clock.ts'
import { randomId } from '../../src/base/ids.ts'
import { type HandleModel, handleKey, newGrantId, newHandle } from '../../src/provider/handles.ts'
import { inRequestScope, requestScope } from '../../src/provider/request-scope.ts'
import { keys } from '../../src/store/keys.ts'
import { openStore } from '../../src/store/open-store.ts'
import type { Key, Store } from '../../src/store/store.ts'
import { ES256_API } from './estate.ts'
import { serveGrantor } from './grantor.ts'
import { freePort } from '../../src/testing/free-port.ts'
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
  const served = await serveGrantor({ issuer: `http://localhost:${await freePort()}`, dataDir, redisUrl })
  const { adapter } = served.provider.RefreshToken as unknown as { adapter: Finding }
  const store = await openStore({ dataDir, redisUrl }, systemClock)
  const stored: string[] = []
  const figures: FindFigures[] = []
  await look(adapter, await fill(store, TOKENS_PER_GRANT)) // What is compiled and opened at first use is not measured.
  for (const size of sizes) {
    while (stored.length < size)
      stored.push(...(await fill(store, Math.min(size - stored.length, TOKENS_PER_GRANT * GRANTS_AT_ONCE))))
    const latenciesUs = (await look(adapter, stored)).sort((a, b) => a - b)
    figures.push({ stored: size, p50Us: quantile(latenciesUs, 0.5), p99Us: quantile(latenciesUs, 0.99) })
  }
  await store.close()
  await served.close()
  return figures
}

type Finding = { find(id: string): Promise<object | undefined> }

/** The handles of so many tokens. */
async function fill(store: Store, tokens: number): Promise<string[]> {
  const grants = Array.from({ length: Math.ceil(tokens / TOKENS_PER_GRANT) }, () => storeGrant(store))
  return (await Promise.all(grants)).flat()
}

/** As the adapter stores them. */
async function storeGrant(store: Store): Promise<string[]> {
  const grantId = newGrantId(undefined)
  const grant = keys.grant(grantId)
  const iat = epochSeconds(systemClock)
  const about = { iat, exp: iat + TTL_SECONDS, accountId: randomId(16), clientId: 'bench-spa' }
  const granted = { ...about, kind: 'Grant', openid: { scope: 'openid offline_access' } }
  await store.put(grant, JSON.stringify(granted), { ttlSeconds: TTL_SECONDS })
  const handles = Array.from({ length: TOKENS_PER_GRANT }, () => newHandle(MODEL, grantId))
  const token = { ...about, kind: MODEL, grantId, gty: 'authorization_code', scope: 'openid offline_access' }
  const placing = { ttlSeconds: TTL_SECONDS, ifPresent: [grant], refs: [grant], memberOf: keys.grantMembers(grantId) }
  const payload = JSON.stringify({ ...token, authTime: iat, iiat: iat, rotations: 0, resource: ES256_API })
  await Promise.all(handles.map((handle) => store.put(handleKey(MODEL, handle) as Key, payload, placing)))
  return handles
}

async function look(adapter: Finding, stored: readonly string[]): Promise<number[]> {
  const latenciesUs: number[] = []
  for (let count = 0; count < LOOKS; count++) {
    const handle = stored[Math.floor(Math.random() * stored.length)] as string
    await inRequestScope(async () => {
      const startedMs = performance.now()
      const found = await adapter.find(handle)
      latenciesUs.push((performance.now() - startedMs) * 1000)
      const grant = await [...requestScope().seen.values()][0]
      if (found === undefined || grant === undefined) throw new Error('a stored token was not found with its grant')
    })
  }
  return latenciesUs
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const figures = await run(JSON.parse(process.argv[2] ?? '') as FindOptions)
  process.send?.(figures, () => process.disconnect())
}
