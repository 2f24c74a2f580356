import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { movableClock } from '../../support/movable-clock.ts'
import { type Running, start } from '../../support/start.ts'
import {
  ALICE,
  authorizationUrl,
  createUserAgent,
  newPkce,
  type Page,
  redeem,
  signIn,
} from '../../support/user-agent.ts'
import { within } from '../../support/figures.ts'

describe('a sign-in belongs to the browser that began it', () => {
  let app: Running
  beforeAll(async () => {
    app = await start()
  })
  afterAll(() => app.close())

  async function begin(options = {}, running = app) {
    const agent = createUserAgent(running)
    const arrival = await agent.follow(await agent.get(authorizationUrl(newPkce(), options)))
    return { agent, page: arrival.page as Page }
  }

  it("[S106] a victim who opens the attacker's address is refused, at the page and at its form", async () => {
    const attacker = await begin()
    const victim = createUserAgent(app)

    const opened = await victim.get(attacker.page.address)
    const posted = await victim.submit(attacker.page, '/login', ALICE)

    expect(opened.status).toBe(400)
    expect(posted.status).toBe(400)
  })

  it('[S106] a victim with a sign-in of his own is refused at another one', async () => {
    const attacker = await begin()
    const victim = await begin()

    const posted = await victim.agent.submit(attacker.page, '/login', ALICE)

    expect(posted.status).toBe(400)
  })

  it('[S106] an attacker cannot resume what the victim finished', async () => {
    const victim = await begin()
    const finished = await victim.agent.submit(victim.page, '/login', ALICE)
    const resume = finished.headers.get('location') ?? ''
    expect(resume).toContain('/authorize/')

    for (const attacker of [createUserAgent(app), await strangerWhoKnows(uidOf(victim.page))]) {
      const answer = await attacker.get(resume)

      expect(answer.status).toBe(400)
      expect(answer.headers.get('location')).toBeNull()
      expect(answer.headers.getSetCookie().filter((cookie) => cookie.startsWith('grantor='))).toEqual([])
    }
    const consent = await victim.agent.follow(await victim.agent.get(resume))
    expect(consent.page?.status ?? consent.left?.searchParams.get('code')).toBeTruthy()
  })

  it('[A3] [S106] a sign-in cannot be taken over or ended by who knows its address', async () => {
    const account = { login: `${crypto.randomUUID()}@example.com`, password: 'looking-glass-2026' }
    await app.nodes[0]?.accounts.createAccount({ ...account, claims: {} })
    const victim = await begin()
    const attempts = async (page: Page) => {
      const stranger = await strangerWhoKnows(uidOf(page))
      const [uid, actions] = [uidOf(page), ['/login', '/consent', '/abort']]
      const reads = [`/interaction/${uid}`, `/authorize/${uid}`].map((address) => stranger.get(address))
      // With the tokens of the victim's own forms: the cookie alone has to be enough to refuse.
      const forms = actions
        .filter((action) => page.html.includes(`${action}"`))
        .map((action) => stranger.submit(page, action, ALICE))
      return Promise.all([...reads, ...forms])
    }

    const atLogin = await attempts(victim.page)
    const { page: consent } = await victim.agent.follow(await victim.agent.submit(victim.page, '/login', account))
    const atConsent = await attempts(consent as Page)
    const { left } = await victim.agent.follow(await victim.agent.submit(consent as Page, '/consent'))

    expect([...atLogin, ...atConsent].map(({ status }) => status)).toEqual(Array(8).fill(400))
    expect(left?.searchParams.get('code')).toBeTruthy()
  })

  /** Has every cookie that can be made of the address, with the signatures that it gets for a sign-in of its own. */
  async function strangerWhoKnows(uid: string) {
    const { agent, page } = await begin()
    const own = uidOf(page)
    for (const [name, value] of [...agent.cookies]) {
      const [of, its] = [name.replace(own, uid), value === own ? uid : value]
      for (const made of [of, of.replace(`.${uid}`, '')]) agent.cookies.set(made, its)
    }
    for (const name of ['grantor-interaction', 'grantor-resume']) {
      for (const made of [name, `${name}.${uid}`]) agent.cookies.set(made, uid)
    }
    return agent
  }

  const uidOf = (page: Page) => page.address.split('/').at(-1) ?? ''

  it('[A3] a sign-in continues after the cookie keys have rotated, and leaves no cookie behind', async () => {
    const clock = movableClock(Date.now())
    const keys = { ...app.config.keys, rotationSeconds: 120, maxAgeSeconds: 1, marginSeconds: 1 }
    const rotating = await start({ clock, config: { keys } })
    const { agent, page } = await begin({}, rotating)
    clock.moveSeconds(121)
    await vi.waitFor(
      () => expect(rotating.nodes[0]?.keyring.current().cookieKeys.length).toBeGreaterThan(1),
      within(20_000),
    )

    const signedIn = await agent.follow(await agent.submit(page, '/login', ALICE))
    const { left } = await agent.follow(await agent.submit(signedIn.page as Page, '/consent'))

    expect(left?.searchParams.get('code')).toBeTruthy()
    expect([...agent.cookies.keys()].filter((name) => /interaction|resume/.test(name))).toEqual([])
    await rotating.close()
  })

  it('[S107] what is added to the way back changes nothing of the request', async () => {
    const { agent, page } = await begin()
    const finished = await agent.submit(page, '/login', ALICE)
    const resume = new URL(finished.headers.get('location') ?? '')
    const forged = { response_type: 'token', client_id: 'demo-web', scope: 'openid orders:write', state: 'forged' }
    for (const [name, value] of Object.entries(forged)) resume.searchParams.set(name, value)
    resume.searchParams.set('redirect_uri', 'https://evil.example/callback')

    const consent = await agent.follow(await agent.get(resume.href))
    expect(consent.page?.html).not.toContain('evil.example')
    const { left } = await agent.follow(await agent.submit(consent.page as Page, '/consent'))

    expect(left?.origin).toBe('http://localhost:4011')
    expect(left?.searchParams.get('state')).toBe('a-state')
    expect(left?.searchParams.get('code')).toBeTruthy()
  })

  it('two sign-ins in two tabs of one browser both finish', async () => {
    const agent = createUserAgent(app)
    const pkce = newPkce()
    const first = await agent.follow(await agent.get(authorizationUrl(pkce)))
    const second = await agent.follow(await agent.get(authorizationUrl(newPkce(), { params: { state: 'other' } })))
    expect(second.page?.address).not.toBe(first.page?.address)

    const signedIn = await agent.follow(await agent.submit(first.page as Page, '/login', ALICE))
    const { left } = signedIn.page ? await agent.follow(await agent.submit(signedIn.page, '/consent')) : signedIn

    const tokens = await redeem(app.issuer, left?.searchParams.get('code') ?? '', pkce)
    expect(tokens.status).toBe(200)
  })
})

describe('consent', () => {
  let app: Running
  beforeAll(async () => {
    app = await start()
  })
  afterAll(() => app.close())

  const askedAgain = async (agent: ReturnType<typeof createUserAgent>, scope: string, params = {}) => {
    const answer = await agent.get(authorizationUrl(newPkce(), { scope, params: { prompt: 'none', ...params } }))
    return new URL(answer.headers.get('location') ?? '').searchParams.get('error')
  }

  it('[S129] is asked the first time, not again, and again when scope or resource grow', async () => {
    const agent = createUserAgent(app)
    await signIn(agent, newPkce(), { scope: 'openid orders:read' })

    expect(await askedAgain(agent, 'openid orders:read')).toBeNull()
    expect(await askedAgain(agent, 'openid orders:read orders:write')).toBe('consent_required')
    expect(await askedAgain(agent, 'openid email orders:read')).toBe('consent_required')
    expect(await askedAgain(agent, 'openid inventory:read', { resource: 'https://inventory.example' })).toBe(
      'consent_required',
    )
  })

  it('[S129] is not asked of another client because one has it', async () => {
    const agent = createUserAgent(app)
    await signIn(agent, newPkce(), { scope: 'openid orders:read' })
    const web = { client_id: 'demo-web', redirect_uri: 'http://localhost:4010/callback' }

    expect(await askedAgain(agent, 'openid orders:read', web)).toBe('consent_required')
  })
})
