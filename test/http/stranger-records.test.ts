/** What callers that are not known can make the store keep, whatever they send and wherever to. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { ROUTES } from '../../src/http/routes.ts'
import { bytesInFile } from '../support/embedded-store.ts'
import { type Running, start } from '../support/start.ts'
import { authorizationUrl, createUserAgent, newPkce } from '../support/user-agent.ts'
import { type Answer, anything, FILLERS, forwarded, get, LARGE, post, type Server } from './stranger-requests.ts'

const MB = 1024 * 1024
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
      const before = bytesInFile(app.dataDir)
      const fill = FILLERS[name] as (app: Server, ip: string) => Promise<Answer>
      const answers = await many(500, () => fill(app, ip))

      const refused = answers.filter(({ status }) => status === 429)
      expect(bytesInFile(app.dataDir) - before).toBeLessThan(5 * MB)
      expect(refused.length).toBeGreaterThan(100)
      for (const { headers, text } of refused) {
        expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
        if (errors === 'page') expect(text).toContain('<h1')
        else expect(JSON.parse(text)).toMatchObject({ error: 'temporarily_unavailable' })
      }
      // Other addresses are not affected.
      expect((await get(app, '198.51.100.7', authorizationUrl(newPkce()))).status).toBe(303)
    },
  )

  it.each(others)('[A2] [S158] $name makes the store keep nothing', async (route) => {
    await many(50, (round) => anything(app, route, '203.0.113.1', round))
    const before = bytesInFile(app.dataDir)
    await many(200, (round) => anything(app, route, '203.0.113.1', round))

    expect(bytesInFile(app.dataDir) - before).toBeLessThan(0.25 * MB)
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

const AT_ONCE = 20

async function many(count: number, send: (round: number) => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = []
  for (let sent = 0; sent < count; sent += AT_ONCE) {
    answers.push(...(await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => send(sent + at)))))
  }
  return answers
}
