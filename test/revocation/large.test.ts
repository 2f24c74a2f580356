/** Ending what is large: a person, or a client, with a hundred thousand tokens that live. */

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { handleKey, newGrantId, newHandle } from '../../src/engine/adapter/handles.ts'
import { keys } from '../../src/store/keys.ts'
import type { Key } from '../../src/store/store.ts'
import { describeWithRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { type Running, start } from '../support/start.ts'
import { refresh } from '../support/user-agent.ts'
import { aPerson, entriesOf } from './sign-ins.ts'
import { expectFigure } from '../support/figures.ts'

vi.setConfig({ testTimeout: 120_000 })

const GRANTS = 1000
const TOKENS_EACH = 100
const HOUR = 3600
const MONTH = 30 * 24 * HOUR
// What is promised is a second; on a machine that does other things too this is what no slip of ours comes near.
const NEVER_MS = 5000

describe('with a hundred thousand live tokens, on the embedded file', () => {
  ending(() => Promise.resolve(undefined))
})

describeWithRedis('with a hundred thousand live tokens, on Redis', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.close())

  ending(() => Promise.resolve(redis.url))
})

function ending(redisUrl: () => Promise<string | undefined>): void {
  let app: Running
  beforeAll(async () => {
    const url = await redisUrl()
    app = await start({
      clients: [{ clientId: 'app' }, { clientId: 'other' }],
      ...(url !== undefined && { redisUrl: url }),
    })
  })
  afterAll(() => app.close())

  it('a person is removed in a moment, with a bounded number of entries', async () => {
    const { id } = await aPerson(app)
    const { grantIds, handles } = await seed(app, id, 'app')

    const ms = await timed(() => app.nodes[0]?.accountAccess.remove(id))

    console.log(`an account with ${handles.length} live tokens was removed in ${ms} ms`)
    expectFigure('ms for ending a hundred thousand tokens', ms, NEVER_MS)
    const entries = await entriesOf(app)
    const named = entries.flatMap(({ gid }) => (gid === undefined ? [] : [gid]))
    // An entry for each of the first grants, none twice; then one for all that the person holds.
    expect(named).toHaveLength(200)
    expect(new Set(grantIds)).toEqual(new Set([...named, ...grantIds]))
    expect(entries.filter(({ sub }) => sub !== undefined)).toEqual([{ sub: id, before: expect.any(Number) as number }])
    expect(await alive(app, [...grantIds.map(keys.grant), ...handles.map(toKey)])).toBe(0)
    expect(await app.nodes[0]?.store.members(keys.accountGrants(id))).toEqual([])
  })

  it('a client is ended in a moment, with one entry', async () => {
    const { id } = await aPerson(app)
    const { handles } = await seed(app, id, 'other')
    expect((await refresh(app.urls[0] as string, handles.at(-1) ?? '', 'other')).status).toBe(200)
    const before = await entriesOf(app)

    const ms = await timed(() => app.nodes[0]?.revocation.endClient('other', 'client_ended_by_operator'))

    console.log(`a client with ${handles.length} live tokens was ended in ${ms} ms`)
    expectFigure('ms for ending a hundred thousand tokens', ms, NEVER_MS)
    const added = (await entriesOf(app)).slice(before.length)
    expect(added).toEqual([{ client_id: 'other', before: expect.any(Number) as number }])
    for (const handle of handles.slice(0, 3)) {
      expect((await refresh(app.urls[0] as string, handle, 'other')).body.error).toBe('invalid_grant')
    }
  })
}

/** As the adapter leaves them, without a hundred thousand sign-ins. */
async function seed(app: Running, accountId: string, clientId: string) {
  const store = app.nodes[0]?.store
  if (store === undefined) throw new Error('no store')
  const now = Math.floor(Date.now() / 1000)
  const grantIds = Array.from({ length: GRANTS }, () => newGrantId(undefined))
  const handles: string[] = []
  // One after the other, as they are made: a hundred thousand of one moment may meet in a row.
  let nextMs = (now - HOUR) * 1000
  const madeMs = () => (nextMs += 36)
  for (const grantId of grantIds) {
    const common = { iat: now - HOUR, exp: now + MONTH, accountId, clientId }
    const ours = Array.from({ length: TOKENS_EACH }, () => newHandle('RefreshToken', grantId, madeMs()))
    const value = JSON.stringify({ ...common, grantId, kind: 'RefreshToken', authTime: now - HOUR, scope: 'openid' })
    await Promise.all([
      store.put(keys.grant(grantId), JSON.stringify({ ...common, openid: { scope: 'openid' } }), { ttlSeconds: MONTH }),
      store.link(keys.accountGrants(accountId), grantId, MONTH),
      ...ours.map((handle) =>
        store.put(toKey(handle), value, {
          ttlSeconds: MONTH,
          refs: [keys.grant(grantId)],
          memberOf: keys.grantMembers(grantId),
        }),
      ),
    ])
    handles.push(...ours)
  }
  expect(await alive(app, handles.map(toKey))).toBe(GRANTS * TOKENS_EACH)
  return { grantIds, handles }
}

function toKey(handle: string): Key {
  return handleKey('RefreshToken', handle) as Key
}

async function alive(app: Running, wanted: readonly Key[]): Promise<number> {
  let found = 0
  for (let at = 0; at < wanted.length; at += 5000) {
    const entries = (await app.nodes[0]?.store.getMany(wanted.slice(at, at + 5000))) ?? []
    found += entries.filter((entry) => entry !== undefined).length
  }
  return found
}

async function timed(work: () => Promise<unknown> | undefined): Promise<number> {
  const began = performance.now()
  await work()
  return Math.round(performance.now() - began)
}
