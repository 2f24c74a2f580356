import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Running, start } from '../support/start.ts'
import { ALICE, authorizationUrl, createUserAgent, newPkce, signIn } from '../support/user-agent.ts'

describe('cookies of an https issuer', () => {
  let app: Running
  beforeAll(async () => {
    app = await start({ config: { issuer: 'https://id.example' } })
  })
  afterAll(() => app.close())

  it('[S104] are all Secure, HttpOnly, __Host-, of Path=/, with SameSite, and small', async () => {
    const agent = createUserAgent(app)
    const set: string[] = []
    let response = await agent.get(authorizationUrl(newPkce()))
    for (let hop = 0; hop < 8; hop++) {
      set.push(...response.headers.getSetCookie())
      const location = response.headers.get('location')
      if (location !== null && !location.startsWith(app.issuer) && !location.startsWith('/')) break
      if (location !== null) {
        response = await agent.get(location)
      } else {
        const page = { address: '', status: response.status, html: await response.text(), headers: response.headers }
        response = await agent.submit(page, page.html.includes('password') ? '/login' : '/consent', ALICE)
      }
    }

    // Session with its signature, and sign-in and return of both prompts, set and cleared.
    expect(set.length).toBeGreaterThanOrEqual(8)
    for (const cookie of set) {
      expect(cookie).toMatch(/^__Host-grantor/)
      expect(cookie).toMatch(/; path=\/(;|$)/i)
      expect(cookie).toMatch(/; secure/i)
      expect(cookie).toMatch(/; httponly/i)
      expect(cookie).toMatch(/; samesite=lax/i)
      expect(cookie).not.toMatch(/; domain/i)
      expect(cookie.length).toBeLessThan(4096)
    }
  })
})

describe('the session id', () => {
  let app: Running
  beforeAll(async () => {
    app = await start()
  })
  afterAll(() => app.close())

  const sessionOf = (agent: ReturnType<typeof createUserAgent>) => agent.cookies.get('grantor') ?? ''

  it('[S105] a value set beforehand is not taken over', async () => {
    const agent = createUserAgent(app)
    agent.cookies.set('grantor', 'fixed-by-somebody-else-0123456789')
    await signIn(agent, newPkce())

    expect(sessionOf(agent)).not.toBe('fixed-by-somebody-else-0123456789')
    expect(sessionOf(agent).length).toBeGreaterThanOrEqual(21)
  })

  it('[S105] changes at login and at a new login, and the old one is dead', async () => {
    const agent = createUserAgent(app)
    await signIn(agent, newPkce())
    const first = new Map(agent.cookies)
    await signIn(agent, newPkce(), { params: { prompt: 'login' } })

    expect(sessionOf(agent)).not.toBe(first.get('grantor'))
    const thief = createUserAgent(app)
    for (const [name, value] of first) thief.cookies.set(name, value)
    const answer = await thief.get(authorizationUrl(newPkce(), { params: { prompt: 'none' } }))
    expect(new URL(answer.headers.get('location') ?? '').searchParams.get('error')).toBe('login_required')
  })

  it('[S105] is gone after logout, and the saved cookie with it', async () => {
    const agent = createUserAgent(app)
    await signIn(agent, newPkce())
    const saved = new Map(agent.cookies)
    const asked = await agent.follow(await agent.get('/logout'))
    const done = await agent.follow(await agent.submit(asked.page ?? fail(), '/logout/confirm', { logout: 'yes' }))
    expect(done.page?.status).toBe(200)

    const thief = createUserAgent(app)
    for (const [name, value] of saved) thief.cookies.set(name, value)
    const answer = await thief.get(authorizationUrl(newPkce(), { params: { prompt: 'none' } }))
    expect(new URL(answer.headers.get('location') ?? '').searchParams.get('error')).toBe('login_required')
  })

  it('a changed signature is refused', async () => {
    const agent = createUserAgent(app)
    await signIn(agent, newPkce())
    agent.cookies.set('grantor.sig', 'AAAAAAAAAAAAAAAAAAAAAAAAAAA')
    const answer = await agent.get(authorizationUrl(newPkce(), { params: { prompt: 'none' } }))

    expect(new URL(answer.headers.get('location') ?? '').searchParams.get('error')).toBe('login_required')
  })
})

function fail(): never {
  throw new Error('no page')
}
