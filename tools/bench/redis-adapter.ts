/**
 * The second reference's storage: the plainest Redis adapter that is correct.
 *
 * JSON in strings with an expiry; what can be consumed in a hash, beside its mark; a list of keys for each grant; a
 * pointer from a session's `uid` to its id. What a good engineer writes first: auto-pipelining is on, and every call is
 * one round trip, two where it must look something up. Of two uses of a code one wins, and that is all it decides: it
 * hides nothing, knows no Cluster, and stores a token whose grant ends meanwhile.
 */

import type { Redis } from 'ioredis'
import { type Adapter, type AdapterPayload, errors } from 'oidc-provider'

const CONSUMABLE: ReadonlySet<string> = new Set(['AuthorizationCode', 'RefreshToken', 'PushedAuthorizationRequest'])
const OF_GRANTS: ReadonlySet<string> = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken'])

// The engine judges expiry with a tolerance of this many seconds, and reads what has just expired for its errors.
const TOLERANCE_SECONDS = 15

export function createRedisAdapters(redis: Redis, prefix: string): (model: string) => Adapter {
  return (model) => createRedisAdapter(model, redis, prefix)
}

function createRedisAdapter(model: string, redis: Redis, prefix: string): Adapter {
  const consumable = CONSUMABLE.has(model)
  const keyOf = (id: string): string => `${prefix}${model}:${id}`
  const uidKeyOf = (uid: string): string => `${prefix}uid:${uid}`
  const grantKeyOf = (grantId: string): string => `${prefix}grant:${grantId}`

  async function find(id: string): Promise<AdapterPayload | undefined> {
    const key = keyOf(id)
    if (!consumable) {
      const json = await redis.get(key)
      return json === null ? undefined : (JSON.parse(json) as AdapterPayload)
    }
    const [json, consumed] = await redis.hmget(key, 'payload', 'consumed')
    if (typeof json !== 'string') return undefined
    const payload = JSON.parse(json) as AdapterPayload
    return typeof consumed === 'string' ? { ...payload, consumed: Number(consumed) } : payload
  }

  return {
    find,

    async upsert(id, payload, expiresIn = 0) {
      const key = keyOf(id)
      const seconds = expiresIn + TOLERANCE_SECONDS
      const json = JSON.stringify(payload)
      const work: Promise<unknown>[] = consumable
        ? [redis.hset(key, 'payload', json), redis.expire(key, seconds)]
        : [redis.set(key, json, 'EX', seconds)]
      if (payload.uid !== undefined) work.push(redis.set(uidKeyOf(payload.uid), id, 'EX', seconds))
      if (OF_GRANTS.has(model) && payload.grantId !== undefined) {
        const list = grantKeyOf(payload.grantId)
        work.push(redis.rpush(list, key), redis.expire(list, seconds, 'NX'), redis.expire(list, seconds, 'GT'))
      }
      await Promise.all(work)
    },

    async findByUid(uid) {
      const id = await redis.get(uidKeyOf(uid))
      return id === null ? undefined : find(id)
    },

    async findByUserCode() {
      return undefined
    },

    async consume(id) {
      const won = await redis.hsetnx(keyOf(id), 'consumed', Math.floor(Date.now() / 1000))
      if (won === 0) throw new errors.InvalidGrant('already used')
    },

    async destroy(id) {
      await redis.del(keyOf(id))
    },

    async revokeByGrantId(grantId) {
      const list = grantKeyOf(grantId)
      const members = await redis.lrange(list, 0, -1)
      await redis.del(list, ...members)
    },
  }
}
