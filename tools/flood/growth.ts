/** By how much requests of strangers make a store grow, from one address and from a thousand. */

import { ROUTES } from '../../src/http/routes.ts'
import { anything, FILLERS } from '../../test/http/stranger-requests.ts'
import { bytesInFile } from '../../test/support/embedded-store.ts'
import { type RedisServer, startRedis } from '../../test/support/redis.ts'
import { type Running, start } from '../../test/support/start.ts'

const MB = 1024 * 1024
const MOST_OF_ONE_ADDRESS = 8 * MB
const AT_ONCE = 16
const TRUST_PROXY = { trustProxy: ['127.0.0.0/8', '::1/128'] }
const ADDRESSES = 1000
const REDIS_64 = ['--maxmemory', '64mb', '--maxmemory-policy', 'noeviction']

type AddressOf = (round: number) => string
const one: AddressOf = () => '192.0.2.1'
const thousand: AddressOf = (round) => `10.${(round % ADDRESSES) >> 4}.${round % 16}.7`

export async function growthOf(requests: number): Promise<string[]> {
  return [...(await onFile(requests)), ...(await onRedis(requests)), ...(await toTheMark(requests))]
}

async function onFile(requests: number): Promise<string[]> {
  const app = await start({ config: TRUST_PROXY })
  try {
    const before = bytesInFile(app.dataDir)
    await send(app, requests, one)
    return judge('the embedded store', bytesInFile(app.dataDir) - before, requests)
  } finally {
    await app.close()
  }
}

async function onRedis(requests: number): Promise<string[]> {
  const redis = await startRedis()
  const app = await start({ redisUrl: redis.url, config: TRUST_PROXY })
  try {
    const before = await used(redis)
    await send(app, requests, one)
    return judge('Redis', (await used(redis)) - before, requests)
  } finally {
    await app.close()
    await redis.close()
  }
}

function judge(store: string, grown: number, requests: number): string[] {
  console.log(`${store}: ${requests} requests from one address, ${(grown / MB).toFixed(2)} MB more`)
  return grown < MOST_OF_ONE_ADDRESS ? [] : [`${store} grew by ${(grown / MB).toFixed(1)} MB`]
}

async function toTheMark(requests: number): Promise<string[]> {
  const redis = await startRedis({ settings: REDIS_64 })
  const app = await start({ redisUrl: redis.url, config: TRUST_PROXY })
  try {
    const before = await used(redis)
    const statuses = await send(app, requests, thousand)
    const after = await used(redis)
    const refused = Object.entries(statuses).map(([status, count]) => `${count} × ${status}`)
    const { problem = 'there is room' } = app.nodes[0]?.store.status() ?? {}
    console.log(
      `Redis of 64 MB: ${requests} requests from ${ADDRESSES} addresses, ${(before / MB).toFixed(1)} → ${(after / MB).toFixed(1)} MB; ${refused.join(', ')}; ${problem}`,
    )
    return after < 64 * MB ? [] : ['Redis was filled beyond the mark']
  } finally {
    await app.close()
    await redis.close()
  }
}

/** Requests of any mix; most are those that store something. */
async function send(app: Running, requests: number, addressOf: AddressOf): Promise<Record<string, number>> {
  const fillers = Object.values(FILLERS)
  const statuses: Record<string, number> = {}
  for (let sent = 0; sent < requests; sent += AT_ONCE) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, async (_, at) => {
        const round = sent + at
        const route = ROUTES[round % ROUTES.length] as (typeof ROUTES)[number]
        const fill = fillers[round % fillers.length] as (typeof fillers)[number]
        const ip = addressOf(round)
        const { status } = round % 3 === 0 ? await anything(app, route, ip, round) : await fill(app, ip)
        statuses[status] = (statuses[status] ?? 0) + 1
      }),
    )
  }
  return statuses
}

async function used(redis: RedisServer): Promise<number> {
  const info = await redis.cli('INFO', 'memory')
  return Number(/used_memory:(\d+)/.exec(info)?.[1])
}
