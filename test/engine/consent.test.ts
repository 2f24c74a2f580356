import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Running, start } from '../support/start.ts'
import {
  ALICE,
  type Arrival,
  authorizationUrl,
  createUserAgent,
  newPkce,
  redeem,
  signIn,
  type SignInOptions,
  type UserAgent,
} from '../support/user-agent.ts'

const THIRD = { clientId: 'third', redirectUri: 'http://localhost:4012/callback' }
const OURS = { clientId: 'ours', redirectUri: 'http://localhost:4013/callback' }

describe('consent', () => {
  let app: Running
  beforeAll(async () => {
    app = await start({
      clients: [
        { clientId: 'third', redirectUris: [THIRD.redirectUri] },
        { clientId: 'fourth', redirectUris: ['http://localhost:4014/callback'] },
        { clientId: 'ours', redirectUris: [OURS.redirectUri], firstParty: true },
      ],
    })
  })
  afterAll(() => app.close())

  /** What follows the login page: the page that is asked next, or the way back. */
  async function logIn(agent: UserAgent, options: SignInOptions): Promise<Arrival> {
    const { page } = await agent.follow(await agent.get(authorizationUrl(newPkce(), options)))
    if (page === undefined) throw new Error('there was no login page')
    return agent.follow(await agent.submit(page, '/login', { ...ALICE }))
  }

  async function open(agent: UserAgent, options: SignInOptions): Promise<Arrival> {
    return agent.follow(await agent.get(authorizationUrl(newPkce(), options)))
  }

  it('is not asked of a client of our own, which gets all that it may have', async () => {
    const agent = createUserAgent(app)
    const first = await logIn(agent, { ...OURS, scope: 'openid orders:read' })
    expect(first.left?.searchParams.get('code')).toBeTruthy()

    const pkce = newPkce()
    const callback = await signIn(agent, pkce, { ...OURS, scope: 'openid email orders:read orders:write' })
    const { body } = await redeem(app.issuer, callback.get('code') ?? '', pkce, OURS)

    expect(decodeJwt(body.access_token ?? '').scope).toBe('openid email orders:read orders:write')
  })

  it('is asked once: another browser is not asked for the same again', async () => {
    await signIn(createUserAgent(app), newPkce(), { ...THIRD, scope: 'openid orders:read' })

    const elsewhere = await logIn(createUserAgent(app), { ...THIRD, scope: 'openid orders:read' })

    expect(elsewhere.left?.searchParams.get('code')).toBeTruthy()
  })

  it.each([
    ['an OpenID scope', { scope: 'openid email orders:read' }, 'See your e-mail address'],
    ['a scope of the API', { scope: 'openid orders:read orders:write' }, 'Place and change orders'],
  ])('is asked again for more: %s', async (_name, more, sentence) => {
    const agent = createUserAgent(app)
    const fourth = { clientId: 'fourth', redirectUri: 'http://localhost:4014/callback' }
    await signIn(agent, newPkce(), { ...fourth, scope: 'openid orders:read' })

    const { page } = await open(agent, { ...fourth, ...more })

    expect(page?.html).toContain(sentence)
    expect(page?.html).not.toContain('See your orders')
    const silent = await open(agent, { ...fourth, ...more, params: { prompt: 'none' } })
    expect(silent.left?.searchParams.get('error')).toBe('consent_required')
  })

  it('that was given is kept when more is refused', async () => {
    const agent = createUserAgent(app)
    await signIn(agent, newPkce(), { ...THIRD, scope: 'openid orders:read' })
    const { page } = await open(agent, { ...THIRD, scope: 'openid orders:read orders:write' })
    if (page === undefined) throw new Error('there was no consent page')

    const refused = await agent.follow(await agent.submit(page, '/abort'))
    expect(refused.left?.searchParams.get('error')).toBe('access_denied')

    const { left } = await open(agent, { ...THIRD, scope: 'openid orders:read' })
    expect(left?.searchParams.get('code')).toBeTruthy()
  })

  it('grants what was asked for and no more, though more was agreed to before', async () => {
    const agent = createUserAgent(app)
    await signIn(agent, newPkce(), { ...THIRD, scope: 'openid email orders:read orders:write' })
    const pkce = newPkce()
    const callback = await signIn(agent, pkce, { ...THIRD, scope: 'openid orders:read' })

    const { body } = await redeem(app.issuer, callback.get('code') ?? '', pkce, THIRD)

    expect(decodeJwt(body.access_token ?? '').scope).toBe('openid orders:read')
    expect(body.scope).toBe('openid orders:read')
  })

  it('is asked again where the application wants it', async () => {
    const agent = createUserAgent(app)
    await signIn(agent, newPkce(), { ...THIRD, scope: 'openid' })

    const { page } = await open(agent, { ...THIRD, scope: 'openid', params: { prompt: 'consent' } })

    expect(page?.html).toContain('/consent"')
  })
})
