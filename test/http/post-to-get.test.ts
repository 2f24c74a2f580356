import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Running, start } from '../support/start.ts'
import { authorizationUrl, createUserAgent, newPkce, signIn } from '../support/user-agent.ts'

describe('requests by POST', () => {
  let app: Running
  beforeAll(async () => {
    app = await start()
  })
  afterAll(() => app.close())

  it('an authorization request of another site sees who is signed in (OpenID Connect Core 3.1.2.1)', async () => {
    const agent = createUserAgent(app)
    await signIn(agent, newPkce())
    const request = new URL(authorizationUrl(newPkce(), { params: { prompt: 'none' } }), app.issuer).searchParams

    // The browser keeps SameSite=Lax cookies back from a foreign form, and sends them with the redirect that follows.
    const posted = await createUserAgent(app).post('/authorize', Object.fromEntries(request), {
      origin: 'http://localhost:4011',
    })
    expect(posted.status).toBe(303)
    const { left } = await agent.follow(posted)

    expect(left?.searchParams.get('code')).toBeTruthy()
  })

  it('a repeated parameter stays repeated, for the engine to judge', async () => {
    const body = new URLSearchParams([
      ['client_id', 'demo-spa'],
      ['client_id', 'demo-web'],
    ])
    const posted = await fetch(`${app.issuer}/authorize`, { method: 'POST', body, redirect: 'manual' })

    expect(posted.headers.get('location')).toBe('/authorize?client_id=demo-spa&client_id=demo-web')
  })

  it('a logout by POST asks as one by GET does', async () => {
    const agent = createUserAgent(app)
    await signIn(agent, newPkce())
    const { page } = await agent.follow(await agent.post('/logout', { client_id: 'demo-spa' }))

    expect(page?.html).toContain('/logout/confirm')
  })
})
