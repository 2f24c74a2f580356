import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Running, start } from '../support/start.ts'
import { ALICE, authorizationUrl, createUserAgent, newPkce, type Page, redeem, signIn } from '../support/user-agent.ts'

describe('a sign-in belongs to the browser that began it', () => {
  let app: Running
  beforeAll(async () => {
    app = await start()
  })
  afterAll(() => app.close())

  async function begin(options = {}) {
    const agent = createUserAgent(app)
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

    const attacker = await createUserAgent(app).get(resume)

    expect(attacker.status).toBe(400)
    expect(attacker.headers.get('location')).toBeNull()
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
