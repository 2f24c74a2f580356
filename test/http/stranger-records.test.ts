/** What callers that are not known can make the store keep, whatever they send and wherever to. */

import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { ROUTES, type Route } from '../../src/http/routes.ts'
import { addressOf } from '../support/routes.ts'
import { type Running, start } from '../support/start.ts'
import { authorizationUrl, createUserAgent, newPkce } from '../support/user-agent.ts'

const MB = 1024 * 1024
const LARGE = 'x'.repeat(8000)

type Answer = Pick<Response, 'status' | 'headers'> & { readonly text: string }

/** What a stranger sends to fill the store, by route; a route that is `counted` and not here fails the test. */
const FILLERS: Readonly<Record<string, (app: Running, ip: string) => Promise<Answer>>> = {
  authorization: (app, ip) => get(app, ip, authorizationUrl(newPkce(), { params: { login_hint: LARGE } })),
  'authorization-resumed': async (app, ip) => {
    const agent = createUserAgent(app)
    const begun = await agent.get(authorizationUrl(newPkce(), { params: { login_hint: LARGE } }), forwarded(ip))
    const page = begun.headers.get('location')
    if (page === null) return answerOf(begun)
    return answerOf(agent.get(page.replace('/interaction/', '/authorize/'), forwarded(ip)))
  },
  logout: (app, ip) => get(app, ip, `/logout?state=${LARGE}`),
  'pushed-authorization': (app, ip) => {
    const request = new URL(authorizationUrl(newPkce(), { params: { login_hint: LARGE } }), app.issuer)
    return post(app, ip, '/par', Object.fromEntries(request.searchParams))
  },
}

const counted = ROUTES.filter(({ limits }) => limits.strangers === 'counted')
const others = ROUTES.filter(({ limits }) => limits.strangers === 'keep nothing')

describe('from one address', () => {
  let app: Running
  beforeAll(async () => {
    app = await start({ config: { trustProxy: ['127.0.0.0/8', '::1/128'] } })
  })
  afterAll(() => app.close())

  it('[A2] has a filler for each route at which strangers are counted', () => {
    expect(Object.keys(FILLERS).sort()).toEqual(counted.map(({ name }) => name).sort())
  })

  it.each(counted.map((route, at) => ({ name: route.name, errors: route.errors, ip: `192.0.2.${at + 1}` })))(
    '[A2] [S158] $name makes the store keep little, then answers 429 with Retry-After',
    async ({ name, errors, ip }) => {
      const before = sizeOf(app)
      const fill = FILLERS[name] as (app: Running, ip: string) => Promise<Answer>
      const answers = await many(500, () => fill(app, ip))

      const refused = answers.filter(({ status }) => status === 429)
      expect(sizeOf(app) - before).toBeLessThan(5 * MB)
      expect(refused.length).toBeGreaterThan(100)
      for (const { headers, text } of refused) {
        expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
        if (errors === 'page') expect(text).toContain('<h1')
        else expect(JSON.parse(text)).toMatchObject({ error: 'temporarily_unavailable' })
      }
      // Nobody else notices.
      expect((await get(app, '198.51.100.7', authorizationUrl(newPkce()))).status).toBe(303)
    },
  )

  it.each(others)('[A2] [S158] $name makes the store keep nothing', async (route) => {
    await many(50, (round) => anything(app, route, '203.0.113.1', round))
    const before = sizeOf(app)
    await many(200, (round) => anything(app, route, '203.0.113.1', round))

    expect(sizeOf(app) - before).toBeLessThan(0.25 * MB)
  })

  it('[A2] a request may be no larger in all than one in an address', async () => {
    const params = { login_hint: LARGE, ui_locales: LARGE, acr_values: LARGE }
    const { searchParams } = new URL(authorizationUrl(newPkce(), { params }), app.issuer)
    const pushed = await post(app, '203.0.113.9', '/par', Object.fromEntries(searchParams))

    expect(pushed.status).toBe(400)
    expect(JSON.parse(pushed.text)).toMatchObject({ error: 'invalid_request' })
  })

  it('[A2] an office that finishes what it starts may go on for ever', async () => {
    const ip = '203.0.113.77'
    for (let round = 0; round < 150; round++) {
      const agent = createUserAgent(app)
      const begun = await agent.get(authorizationUrl(newPkce(), { params: { login_hint: LARGE } }), forwarded(ip))
      expect(begun.status).toBe(303)
      const { page } = await agent.follow(begun)
      const left = await agent.submit(page as never, '/abort')
      await agent.get(left.headers.get('location') ?? '', forwarded(ip))
    }
  })
})

function forwarded(ip: string): Record<string, string> {
  return { 'x-forwarded-for': ip, accept: 'text/html' }
}

function get(app: Running, ip: string, address: string): Promise<Answer> {
  return answerOf(fetch(app.issuer + address, { headers: forwarded(ip), redirect: 'manual' }))
}

function post(app: Running, ip: string, path: string, form: Record<string, string>, more = {}): Promise<Answer> {
  const headers = { ...forwarded(ip), accept: '*/*', ...more }
  return answerOf(
    fetch(app.issuer + path, { method: 'POST', headers, body: new URLSearchParams(form), redirect: 'manual' }),
  )
}

/** What a stranger may think of, another one each time. */
function anything(app: Running, route: Route, ip: string, round: number): Promise<Answer> {
  const path = addressOf(route)
  const id = randomUUID()
  const wrong = `Basic ${Buffer.from(`${id}:${id}`).toString('base64')}`
  const header = [{ authorization: wrong }, { authorization: `Bearer ${id}` }, { cookie: `grantor=${id}` }][round % 3]
  if (!route.methods.includes('POST')) return get(app, ip, `${path}?client_id=demo-spa&state=${LARGE}`)
  const form = { client_id: id, token: LARGE, code: id, refresh_token: id, login: id, password: id, grant_type: 'x' }
  return post(app, ip, path, form, { ...header, ...(route.owner === 'page' && { origin: app.issuer }) })
}

async function answerOf(sent: Response | Promise<Response>): Promise<Answer> {
  const response = await sent
  return { status: response.status, headers: response.headers, text: await response.text() }
}

const AT_ONCE = 20

async function many(count: number, send: (round: number) => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = []
  for (let sent = 0; sent < count; sent += AT_ONCE) {
    answers.push(...(await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => send(sent + at)))))
  }
  return answers
}

/** The pages in use of the embedded file, whether they are checkpointed or not. */
function sizeOf({ dataDir }: Running): number {
  const database = new DatabaseSync(join(dataDir, 'grantor.db'), { readOnly: true })
  try {
    const read = (pragma: string) => Number(Object.values(database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0])
    return (read('page_count') - read('freelist_count')) * read('page_size')
  } finally {
    database.close()
  }
}
