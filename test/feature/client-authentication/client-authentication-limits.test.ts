/** Strangers who send wrong secrets, at every endpoint where clients authenticate. */

import { afterEach, describe, expect, it } from 'vitest'

import type { AuditRecord } from '../../../src/audit/audit.ts'
import { hashSecret } from '../../../src/clients/secrets.ts'
import { ROUTES } from '../../../src/http/routes.ts'
import { basic, confidential, type Params, post, SECRET } from '../../support/requests.ts'
import { type Running, start } from '../../support/start.ts'

const LIMIT = 30
const CLIENT = 'by-basic'
const STRANGER = '198.51.100.7'
const OFFICE = '192.0.2.1'

/** What a good request holds, by the name of its route: a route where clients authenticate fails here without a row. */
const GOOD: Readonly<Record<string, Params>> = {
  token: { grant_type: 'client_credentials', scope: 'orders:read' },
  introspection: { token: 'no-token' },
  revocation: { token: 'no-token' },
  'pushed-authorization': { response_type: 'code' },
}

const routes = ROUTES.filter(({ credentials }) => credentials === 'client')

describe('failed client authentication', () => {
  let app: Running
  afterEach(() => app.close())

  async function startWith(): Promise<void> {
    app = await start({
      clients: [confidential(CLIENT)],
      config: {
        clientAuthentication: { attempts: LIMIT, windowSeconds: 60 },
        trustProxy: ['127.0.0.0/8', '::1'],
      },
    })
  }

  /** The request of the route from this address, with these credentials. */
  function call(path: string, secret: string, address: string, client = CLIENT) {
    const params = GOOD[routes.find((route) => route.path === path)?.name ?? '']
    if (params === undefined) throw new Error(`no good request for ${path}`)
    return post(`${app.urls[0]}${path}`, params, { ...basic(client, secret), 'x-forwarded-for': address })
  }

  async function failTimes(times: number, path: string, address = STRANGER): Promise<number[]> {
    const statuses: number[] = []
    for (let time = 0; time < times; time += 1) statuses.push((await call(path, `wrong-${time}`, address)).status)
    return statuses
  }

  async function recorded(): Promise<AuditRecord[]> {
    await app.nodes[0]?.audit.settled()
    const entries = (await app.nodes[0]?.audit.read(undefined, 1000)) ?? []
    return entries.map(({ record }) => record).filter(({ event }) => event === 'client.authentication_failed')
  }

  it.each(routes.map(({ path }) => path))('[A13] [S82] is limited for the client and address at %s', async (path) => {
    await startWith()
    expect(new Set(await failTimes(LIMIT - 1, path))).toEqual(new Set([401]))
    await failTimes(1, path)

    const refused = await call(path, SECRET, STRANGER)

    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toMatch(/^([1-9]|[1-5]\d|60)$/)
    expect(refused.headers.get('www-authenticate')).toBeNull()
    expect(refused.body).toMatchObject({ error: 'temporarily_unavailable' })
  })

  it('[A13] [S82] keeps no client out that comes from another address', async () => {
    await startWith()
    await failTimes(LIMIT + 10, '/token')

    for (const { path } of routes) expect((await call(path, SECRET, OFFICE)).status, path).not.toBe(429)
    expect((await call('/token', SECRET, OFFICE)).status).toBe(200)
  })

  it('[A13] counts for an IPv6 /64 as for one address, and for each client alone', async () => {
    await startWith()
    for (let host = 0; host < LIMIT; host += 1) await call('/token', 'wrong', `2001:db8::${host.toString(16)}`)

    expect((await call('/token', SECRET, '2001:db8::ffff')).status).toBe(429)
    expect((await call('/token', SECRET, '2001:db8:0:1::1')).status).toBe(200)
    const secret = 'demo-machine-secret-not-for-production'
    expect((await call('/token', secret, '2001:db8::1', 'demo-machine')).status).toBe(200)
  })

  it('[A13] [S121] compares no more than the limit of 200 wrong secrets that arrive together, nor the right one after them', async () => {
    await startWith()

    const wrong = await Promise.all(Array.from({ length: 200 }, () => call('/token', 'wrong', STRANGER)))

    expect(wrong.filter(({ status }) => status === 401).length).toBeLessThan(LIMIT)
    expect((await call('/token', SECRET, STRANGER)).status).toBe(429)
  })

  it('[A13] counts a secret for an unknown client for the address alone, whatever identifiers are made up', async () => {
    await startWith()

    const answers = []
    for (let time = 0; time < LIMIT + 5; time += 1) {
      answers.push(await call('/token', 'wrong', STRANGER, `made-up-${time}`))
    }

    expect(answers.map(({ status }) => status).slice(-6)).toEqual([429, 429, 429, 429, 429, 429])
    expect((await call('/token', SECRET, STRANGER)).status).toBe(200)
  })

  it('[A13] is recorded the first time, and then by powers of ten with a count', async () => {
    await startWith()
    for (let time = 0; time < 30; time += 1) {
      await Promise.all(routes.map(({ path }) => call(path, 'wrong', STRANGER)))
    }

    expect((await recorded()).map(({ clientId, address, count }) => [clientId, address, count])).toEqual([
      [CLIENT, STRANGER, undefined],
      [CLIENT, STRANGER, 10],
      [CLIENT, STRANGER, 100],
    ])
  })

  it('[A13] is recorded no more than a hundred times an hour of one network, however many addresses it uses', async () => {
    await startWith()
    for (let round = 0; round < 6; round += 1) {
      await Promise.all(
        Array.from({ length: 50 }, (_, at) => call('/token', 'wrong', `2001:db8:1:${round * 50 + at}::1`)),
      )
    }

    // 100, and the 1st, 10th and 100th of those beyond.
    expect(await recorded()).toHaveLength(103)
  })

  it('[A13] of a weak secret is a failure in production even if it has the right hash, and the trail says why', async () => {
    app = await start({
      clients: [confidential(CLIENT, { secretHash: hashSecret('hunter2'), strongSecretOnly: true })],
      config: { trustProxy: ['127.0.0.0/8', '::1'] },
    })

    const answer = await call('/token', 'hunter2', STRANGER)

    expect(answer.status).toBe(401)
    expect(await recorded()).toMatchObject([{ reason: expect.stringContaining('too weak for production') }])
  })
})
