import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { Account } from '../../../src/accounts/accounts.ts'
import { movableClock } from '../../support/movable-clock.ts'
import { type Running, type StartOptions, start } from '../../support/start.ts'
import {
  ALICE,
  authorizationUrl,
  createUserAgent,
  newPkce,
  type Page,
  redeem,
  refresh,
  signIn,
  type UserAgent,
} from '../../support/user-agent.ts'
import { alike, expectAlike, sample } from './timing.ts'

const WRONG = 'not-her-password'
const MANY = 100_000

describe('credentials without the cookie of the sign-in', () => {
  let app: Running
  beforeAll(async () => {
    app = await start()
  })
  afterAll(() => app.close())

  it('[S117] do not sign in, though the form and its token are right', async () => {
    const { agent, page } = await begin(app)
    const signedInElsewhere = createUserAgent(app)
    await signIn(signedInElsewhere, newPkce())
    const other = await begin(app)

    for (const stranger of [createUserAgent(app), signedInElsewhere, other.agent]) {
      const before = [...stranger.cookies]
      const refused = await stranger.submit(page, '/login', ALICE)

      expect(refused.status).toBe(400)
      expect(refused.headers.get('location')).toBeNull()
      expect(refused.headers.getSetCookie()).toEqual([])
      expect([...stranger.cookies]).toEqual(before)
    }
    expect(await whoIsSignedIn(other.agent)).toBe('login_required')
    expect(await whoIsSignedIn(agent)).toBe('login_required')
    expect((await agent.submit(page, '/login', ALICE)).status).toBe(303)
  })

  it('[S117] set no session when the cookie is made up', async () => {
    const { page } = await begin(app)
    const stranger = createUserAgent(app)
    const uid = page.address.split('/').at(-1)
    for (const name of ['grantor-interaction', `grantor-interaction.${uid}`]) stranger.cookies.set(name, 'made-up')

    const refused = await stranger.submit(page, '/login', ALICE)

    expect(refused.status).toBe(400)
    expect(refused.headers.getSetCookie().filter((cookie) => /^grantor(\.sig)?=[^;]/.test(cookie))).toEqual([])
    expect(await whoIsSignedIn(stranger)).toBe('login_required')
  })
})

describe('what a failed login tells', () => {
  let app: Running
  // All of one length, so that the pages can be compared to the last byte of their headers.
  const logins = { wrong: 'known@example.com', unknown: 'aint-@example.com', disabled: 'ended@example.com' }
  const kinds = ['wrong', 'unknown', 'disabled'] as const

  beforeAll(async () => {
    app = await startWith({ attemptsPerAccount: MANY })
    await createAccount(app, logins.wrong)
    const { id } = await createAccount(app, logins.disabled)
    await app.nodes[0]?.accounts.disable(id)
  })
  afterAll(() => app.close())

  it('[S118] is the same for an unknown login, a wrong password and a disabled account', async () => {
    const { agent, page } = await begin(app)

    const answers = []
    for (const kind of kinds) {
      const password = kind === 'disabled' ? PASSWORD : WRONG
      const answer = await agent.submit(page, '/login', { login: logins[kind], password })
      answers.push(await comparable(answer, logins[kind]))
    }

    expect(answers[0]?.status).toBe(401)
    expect(answers[0]?.html).toContain('That e-mail or username and password do not match.')
    expect(answers[1]).toEqual(answers[0])
    expect(answers[2]).toEqual(answers[0])
  })

  it('[S118] is the same, when the limit is reached, for a known and an unknown login, with the right password too', async () => {
    const limited = await startWith({ attemptsPerAccount: 2 }, { clock: movableClock(Date.now()) })
    await createAccount(limited, logins.wrong)
    const { id } = await createAccount(limited, logins.disabled)
    await limited.nodes[0]?.accounts.disable(id)
    const { agent, page } = await begin(limited)

    const answers = []
    for (const login of Object.values(logins)) {
      for (const password of [WRONG, WRONG]) await agent.submit(page, '/login', { login, password })
      for (const password of [WRONG, PASSWORD]) {
        answers.push(await comparable(await agent.submit(page, '/login', { login, password }), login))
      }
    }

    expect(answers[0]).toMatchObject({ status: 429, headers: { 'retry-after': '900' } })
    for (const answer of answers) expect(answer).toEqual(answers[0])
    await limited.close()
  })

  it('[S118] takes the same time: up to 80 samples of each in turns', async () => {
    const { agent, page } = await begin(app)
    const attempt = (kind: (typeof kinds)[number]) => async () => {
      const password = kind === 'disabled' ? PASSWORD : WRONG
      const { status } = await agent.submit(page, '/login', { login: logins[kind], password })
      expect(status).toBe(401)
    }

    const times = await sample(
      { wrong: attempt('wrong'), unknown: attempt('unknown'), disabled: attempt('disabled') },
      80,
    )

    expectAlike(times.unknown, times.wrong)
    expectAlike(times.disabled, times.wrong)
    // The comparison itself: what differs by a hash is found to differ.
    const plain = await sample({ page: async () => void (await agent.get(page.address)) }, 30)
    expect(alike(plain.page, times.wrong)).toBe(false)
  })

  it('[S118] takes the same time when the limit is reached: up to 30 samples of each in turns', async () => {
    const limited = await startWith({ attemptsPerAccount: 1 })
    await createAccount(limited, logins.wrong)
    const { agent, page } = await begin(limited)
    const attempt = (login: string) => async () => {
      await agent.submit(page, '/login', { login, password: WRONG })
    }
    await attempt(logins.wrong)()
    await attempt(logins.unknown)()

    const times = await sample({ known: attempt(logins.wrong), unknown: attempt(logins.unknown) }, 30)

    expectAlike(times.known, times.unknown)
    await limited.close()
  })
})

describe('guesses that arrive together', () => {
  it('[S121] are checked no more often than the limit says, on two nodes; then even the right one waits', async () => {
    const clock = movableClock(Date.now())
    const app = await startWith({ attemptsPerAccount: 10, windowSeconds: 300 }, { clock, nodes: 2 })
    const browsers = await Promise.all([0, 1].map((node) => begin(app, { node: () => node })))
    const guess = (at: number, password: string, login = ALICE.login) => {
      const { agent, page } = browsers[at % 2] as Begun
      return agent.submit(page, '/login', { login, password })
    }

    // One person, written in several ways.
    const ways = [ALICE.login, 'ALICE@example.com', ' alice@example.com ', 'ａlice@example.com']
    const answers = await Promise.all(Array.from({ length: 200 }, (_, at) => guess(at, WRONG, ways[at % ways.length])))

    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 401)).toHaveLength(10)
    expect(statuses.filter((status) => status === 429)).toHaveLength(190)
    expect((await eventsOf(app)).filter((event) => event === 'login.failed')).toHaveLength(10)
    // The 1st, the 10th and the 100th.
    expect((await eventsOf(app)).filter((event) => event === 'login.throttled')).toHaveLength(3)

    expect((await guess(0, ALICE.password)).status).toBe(429)
    clock.moveSeconds(299)
    const last = await guess(1, ALICE.password)
    expect([last.status, last.headers.get('retry-after')]).toEqual([429, '1'])
    expect(await eventsOf(app)).not.toContain('login.succeeded')

    clock.moveSeconds(1)
    expect((await guess(0, ALICE.password)).status).toBe(303)
    expect(await eventsOf(app)).toContain('login.succeeded')
    await app.close()
  })

  it('[S121] at many accounts from one address are checked no more often than its limit says', async () => {
    const app = await startWith({ attemptsPerAccount: MANY, attemptsPerAddress: 12, waitingHashes: 1000 }, { nodes: 2 })
    const browsers = await Promise.all([0, 1].map((node) => begin(app, { node: () => node })))

    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, at) => {
        const { agent, page } = browsers[at % 2] as Begun
        // There is no proxy here, so the header is invented.
        const headers = { 'x-forwarded-for': `192.0.2.${at}` }
        return submit(agent, page, { login: `guess-${at}@example.com`, password: WRONG }, headers)
      }),
    )

    expect(answers.filter(({ status }) => status === 401)).toHaveLength(12)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(48)
    await app.close()
  })
})

describe('passwords through the form', () => {
  let app: Running
  beforeAll(async () => {
    app = await startWith({ attemptsPerAccount: MANY })
  })
  afterAll(() => app.close())

  const fill = (characters: string) => Array.from(characters.repeat(128)).slice(0, 128).join('')

  it.each([
    ['of 8 characters', 'tea-4-2!'],
    ['of 128 letters', fill('Curiouser and ')],
    ['of 128 characters of four bytes each', fill('🐇🎩🫖🃏🌹🦩')],
    ['of 128 characters of many scripts', fill('åßçλйעدकあ한漢ﬁ😀')],
    ['of what forms give a meaning to', `&=+%20?#;<>"'\\/%00${'\t'}`],
    ['with spaces in it and around it', '  down the  rabbit hole  '],
    ['of right-to-left and invisible characters', '\u202eשלום\u200d\u200b\u2066عالم\ufeff'],
  ])('[S123] %s are taken to the last character', async (_, password) => {
    const login = `${crypto.randomUUID()}@example.com`
    await createAccount(app, login, password)
    const characters = Array.from(password)

    expect(await logIn(app, login, characters.slice(0, -1).join(''))).toBe(401)
    expect(await logIn(app, login, `${characters.slice(0, -1).join('')}?`)).toBe(401)
    expect(await logIn(app, login, `${password}?`)).toBe(401)
    expect(await logIn(app, login, password.trim())).toBe(password.trim() === password ? 303 : 401)
    expect(await logIn(app, login, password)).toBe(303)
  })

  it('[S123] are the same however a keyboard composes them', async () => {
    await createAccount(app, 'composed@example.com', 'Zoë café Ångström'.normalize('NFC'))

    expect(await logIn(app, 'composed@example.com', 'Zoë café Ångström'.normalize('NFD'))).toBe(303)
    expect(await logIn(app, 'composed@example.com', 'Zoe cafe Angstrom')).toBe(401)
  })

  it.each([
    ['letters', 'a-Mad-Tea-Party-'.repeat(5).slice(0, 72)],
    ['characters of three bytes', '茶会帽子屋兎'.repeat(4)],
  ])('[S123] that are equal in their first 72 bytes are different: %s', async (_, start72) => {
    expect(Buffer.byteLength(start72)).toBe(72)
    const login = `${crypto.randomUUID()}@example.com`
    await createAccount(app, login, `${start72}one`)

    expect(await logIn(app, login, `${start72}two`)).toBe(401)
    expect(await logIn(app, login, start72)).toBe(401)
    expect(await logIn(app, login, `${start72}one`)).toBe(303)
  })

  it('[S124] of more than a kilobyte are refused as any wrong one, without the work of a hash', async () => {
    const { agent, page } = await begin(app)
    const attempt = async (password: string) => {
      const answer = await agent.submit(page, '/login', { login: ALICE.login, password })
      return comparable(answer, ALICE.login)
    }
    const workOf = async (password: string) => {
      const before = process.cpuUsage()
      for (let round = 0; round < 10; round++) await attempt(password)
      const { user, system } = process.cpuUsage(before)
      return user + system
    }

    const tooLong = ['x'.repeat(1025), 'é'.repeat(513), '🐇'.repeat(257), 'x'.repeat(15_000)]
    for (const password of tooLong) expect(await attempt(password)).toEqual(await attempt(WRONG))

    // 1,024 bytes are hashed, as an account could have them.
    const hashing = await workOf('x'.repeat(1024))
    for (const password of tooLong) expect(await workOf(password)).toBeLessThan(hashing / 2)
  })

  it('[S124] of more than the form may hold are not even read', async () => {
    const { agent, page } = await begin(app)

    const answer = await agent.submit(page, '/login', { login: ALICE.login, password: 'x'.repeat(1_000_000) })

    expect(answer.status).toBe(413)
  })
})

describe('an account that is disabled', () => {
  let app: Running
  let account: Account
  const login = { login: 'duchess@example.com', password: 'pepper-in-the-soup' }
  beforeAll(async () => {
    app = await start({ nodes: 2 })
    account = await createAccount(app, login.login, login.password)
  })
  afterAll(() => app.close())

  it('[S40] has no use of code, refresh token, access token and session any more, on every node', async () => {
    const pkce = newPkce()
    const agent = createUserAgent(app)
    const options = { account: login, scope: 'openid email offline_access orders:read', params: { prompt: 'consent' } }
    const tokens = await redeem(app.issuer, (await signIn(agent, pkce, options)).get('code') ?? '', pkce)
    const callback = await signIn(agent, pkce, options)
    expect(await whoIsSignedIn(agent)).toBeNull()
    const userinfo = (url: string) =>
      fetch(`${url}/userinfo`, { headers: { authorization: `Bearer ${tokens.body.access_token}` } })
    expect((await userinfo(app.issuer)).status).toBe(200)

    await app.nodes[0]?.accounts.disable(account.id)

    for (const url of app.urls.toReversed()) {
      expect(await redeem(url, callback.get('code') ?? '', pkce)).toMatchObject(INVALID_GRANT)
      expect(await refresh(url, tokens.body.refresh_token ?? '')).toMatchObject(INVALID_GRANT)
      const refused = await userinfo(url)
      expect(refused.status).toBe(401)
      expect(await refused.json()).toMatchObject({ error: 'invalid_token' })
    }
    for (const node of [0, 1]) {
      const browser = createUserAgent(app, { node: () => node })
      for (const [name, value] of agent.cookies) browser.cookies.set(name, value)
      expect(await whoIsSignedIn(browser)).toBe('login_required')
      const asked = await browser.follow(await browser.get(authorizationUrl(newPkce())))
      expect(asked.page?.html).toContain('name="password"')
      expect((await browser.submit(asked.page as Page, '/login', login)).status).toBe(401)
    }
  })

  it('cannot agree on a consent page that was open already', async () => {
    const { id } = await createAccount(app, 'cook@example.com', login.password)
    const { agent, page } = await begin(app)
    const account = { login: 'cook@example.com', password: login.password }
    const consent = await agent.follow(await agent.submit(page, '/login', account))
    expect(consent.page?.html).toContain('Allow')

    await app.nodes[1]?.accounts.disable(id)

    const sent = await agent.submit(consent.page as Page, '/consent')
    const { page: asked } = await agent.follow(sent)
    expect(asked?.html).toContain('name="password"')
  })
})

const PASSWORD = 'looking-glass-2026'
const INVALID_GRANT = { status: 400, body: { error: 'invalid_grant' } }

interface Begun {
  readonly agent: UserAgent
  readonly page: Page
}

/** A fresh browser at the login page. */
async function begin(app: Running, options = {}): Promise<Begun> {
  const agent = createUserAgent(app, options)
  const { page } = await agent.follow(await agent.get(authorizationUrl(newPkce())))
  if (page === undefined) throw new Error('no login page')
  return { agent, page }
}

/** Starts with these rules for logins; what is not given is out of the way. */
async function startWith(rules: Partial<Running['config']['logins']>, options: StartOptions = {}): Promise<Running> {
  const logins = {
    ...{ attemptsPerAccount: 10, attemptsPerAddress: MANY, attemptsPerNetwork: MANY, windowSeconds: 900 },
    ...{ concurrentHashes: 2, waitingHashes: 32 },
    ...rules,
  }
  return start({ ...options, config: { logins } })
}

async function createAccount({ nodes: [node] }: Running, login: string, password = PASSWORD): Promise<Account> {
  if (node === undefined) throw new TypeError('no node')
  return node.accounts.createAccount({ login, password, claims: {} })
}

/** The status with which a fresh browser is answered. */
async function logIn(app: Running, login: string, password: string): Promise<number> {
  const { agent, page } = await begin(app)
  return (await agent.submit(page, '/login', { login, password })).status
}

async function submit(agent: UserAgent, page: Page, fields: Record<string, string>, headers: Record<string, string>) {
  const action = page.address.replace(/^https?:\/\/[^/]+/, '')
  const csrf = /name="csrf" value="([^"]+)"/.exec(page.html)?.[1] ?? ''
  return agent.post(`${action}/login`, { ...fields, csrf }, headers)
}

/** The error of a request that must not ask; `null` when a person is signed in and has agreed. */
async function whoIsSignedIn(agent: UserAgent): Promise<string | null> {
  const answer = await agent.get(authorizationUrl(newPkce(), { params: { prompt: 'none' } }))
  return new URL(answer.headers.get('location') ?? '').searchParams.get('error')
}

async function eventsOf({ nodes }: Running): Promise<string[]> {
  for (const node of nodes) await node.audit.settled()
  return ((await nodes[0]?.audit.read(undefined, 1000)) ?? []).map(({ record }) => record.event)
}

/** All that a stranger sees, but for what is new in each response and what he typed himself. */
async function comparable(response: Response, login: string) {
  const headers = Object.fromEntries(response.headers)
  const nonce = /nonce-([\w-]+)/.exec(headers['content-security-policy'] ?? '')?.[1] ?? ''
  delete headers.date
  headers['content-security-policy'] = headers['content-security-policy']?.replaceAll(nonce, 'NONCE') ?? ''
  const html = (await response.text()).replaceAll(nonce, 'NONCE').replaceAll(login, 'LOGIN')
  return { status: response.status, headers, html }
}
