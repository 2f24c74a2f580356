/** Strangers who guess passwords, and the people whose accounts, addresses and networks they guess from. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { describeWithRedis, type RedisServer, startRedis } from '../../support/redis.ts'
import { movableClock } from '../../support/movable-clock.ts'
import { type Running, type StartOptions, start } from '../../support/start.ts'
import {
  ALICE,
  authorizationUrl,
  createUserAgent,
  newPkce,
  type Page,
  type UserAgent,
} from '../../support/user-agent.ts'

const WRONG = 'queen of hearts'
const DEVICE = 'grantor-device'

const RULES = {
  attemptsPerAccount: 10,
  attemptsPerAddress: 100,
  attemptsPerNetwork: 500,
  windowSeconds: 900,
  concurrentHashes: 2,
  waitingHashes: 32,
}

let app: Running
let redis: RedisServer | undefined
// Each test has a database of its own, as it has a root key of its own.
let database = 0
afterEach(() => app.close())

/** A server whose proxy says in X-Forwarded-For who the visitor is. */
async function startWith(logins: Partial<typeof RULES> = {}, options: StartOptions = {}): Promise<Running> {
  database += 1
  const store = redis === undefined ? {} : { redisUrl: `${redis.url}/${database}` }
  app = await start({
    ...options,
    ...store,
    config: { logins: { ...RULES, ...logins }, trustProxy: ['127.0.0.0/8', '::1'] },
  })
  return app
}

interface Visit {
  /** A browser that was here before. */
  readonly agent?: UserAgent
  readonly address?: string
  readonly node?: number
}

/** Opens the login page and sends the form. */
async function logIn(password: string, login: string, visit: Visit = {}): Promise<Response> {
  const { agent = createUserAgent(app, { node: () => visit.node ?? 0 }), address = '192.0.2.1' } = visit
  return sendForm(agent, await openForm(agent), { login, password }, address)
}

async function openForm(agent: UserAgent): Promise<Page> {
  const { page } = await agent.follow(await agent.get(authorizationUrl(newPkce(), { params: { prompt: 'login' } })))
  if (page === undefined) throw new Error('no login page')
  return page
}

function sendForm(agent: UserAgent, page: Page, fields: Record<string, string>, address: string): Promise<Response> {
  const action = page.address.replace(/^https?:\/\/[^/]+/, '')
  const csrf = /name="csrf" value="([^"]+)"/.exec(page.html)?.[1] ?? ''
  return agent.post(`${action}/login`, { ...fields, csrf }, { 'x-forwarded-for': address })
}

async function statusOf(answer: Promise<Response>): Promise<number> {
  return (await answer).status
}

describe('on the embedded store', guesses)

describeWithRedis('on Redis', () => {
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(async () => {
    await redis?.close()
    redis = undefined
  })

  guesses()
})

function guesses(): void {
  describe('a browser in which a person signed in before', () => {
    it('[A9] [S122] can sign in while an attacker has locked all unknown devices out, on every node', async () => {
      await startWith({}, { nodes: 2 })
      const agent = createUserAgent(app)
      expect(await statusOf(logIn(ALICE.password, ALICE.login, { agent }))).toBe(303)
      expect(agent.cookies.get(DEVICE)).toBeDefined()

      const guesses = Array.from({ length: 30 }, (_, at) =>
        statusOf(logIn(WRONG, ALICE.login, { address: `198.51.100.${at}`, node: at % 2 })),
      )
      expect((await Promise.all(guesses)).filter((status) => status === 401)).toHaveLength(10)
      expect(await statusOf(logIn(ALICE.password, ALICE.login))).toBe(429)

      expect(await statusOf(logIn(ALICE.password, ALICE.login, { agent }))).toBe(303)
      const elsewhere = createUserAgent(app, { node: () => 1 })
      for (const [name, value] of agent.cookies) elsewhere.cookies.set(name, value)
      expect(await statusOf(logIn(ALICE.password, ALICE.login, { agent: elsewhere }))).toBe(303)
    })

    it('[A9] is a stranger again after a new password', async () => {
      const clock = movableClock(Date.now())
      await startWith({ attemptsPerAccount: 2 }, { clock })
      const agent = createUserAgent(app)
      await logIn(ALICE.password, ALICE.login, { agent })
      const { id } = (await app.nodes[0]?.accounts.findAccountByLogin(ALICE.login)) ?? { id: '' }
      clock.moveSeconds(2)
      await app.nodes[0]?.accountAccess.setPassword(id, 'three small hedgehogs')
      for (let time = 0; time < 2; time += 1) await logIn(WRONG, ALICE.login)

      expect(await statusOf(logIn('three small hedgehogs', ALICE.login, { agent }))).toBe(429)
    })

    it('[A9] keeps its proof from scripts and from other sites', async () => {
      await startWith()

      const answer = await logIn(ALICE.password, ALICE.login)

      const cookie = answer.headers.getSetCookie().find((one) => one.startsWith(`${DEVICE}=`))
      expect(cookie).toMatch(/; path=\/;.*; samesite=lax; httponly$/i)
      expect(cookie).not.toContain(ALICE.login)
      expect((await logIn(WRONG, ALICE.login)).headers.getSetCookie().join()).not.toContain(DEVICE)
    })
  })

  describe('limits on sign-ins', () => {
    it('[A6] let an office of people who know their passwords in, however many they are', async () => {
      await startWith({ attemptsPerAccount: 5, attemptsPerAddress: 5 })

      for (let person = 0; person < 15; person += 1) {
        expect(await statusOf(logIn(ALICE.password, ALICE.login))).toBe(303)
      }
      for (let guess = 0; guess < 5; guess += 1) expect(await statusOf(logIn(WRONG, `guess-${guess}`))).toBe(401)
      expect(await statusOf(logIn(WRONG, 'guess-6'))).toBe(429)
    })

    it('[A10] let the others in while one IPv6 /48 sends all that it can', async () => {
      await startWith({ concurrentHashes: 1, waitingHashes: 8 })
      const strangers = await Promise.all(
        Array.from({ length: 40 }, async () => {
          const agent = createUserAgent(app)
          return { agent, page: await openForm(agent) }
        }),
      )
      const people = await Promise.all(
        Array.from({ length: 4 }, async () => {
          const agent = createUserAgent(app)
          return { agent, page: await openForm(agent) }
        }),
      )

      const guesses = strangers.map(({ agent, page }, at) =>
        statusOf(sendForm(agent, page, { login: `guess-${at}`, password: WRONG }, `2001:db8:1:${at}::1`)),
      )
      const signedIn = people.map(({ agent, page }, at) => statusOf(sendForm(agent, page, ALICE, `203.0.${at}.9`)))

      expect(await Promise.all(signedIn)).toEqual([303, 303, 303, 303])
      expect((await Promise.all(guesses)).filter((status) => status === 503).length).toBeGreaterThan(0)
    })
  })
}
