import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Running, start } from '../support/start.ts'
import {
  ALICE,
  createUserAgent,
  formsOf,
  newPkce,
  type Page,
  redeem,
  refresh,
  signIn,
  type UserAgent,
} from '../support/user-agent.ts'

const APPS = '/account/apps'

describe('the page of connected apps', () => {
  let app: Running
  beforeAll(async () => {
    app = await start({ nodes: 2 })
  })
  afterAll(() => app.close())

  it('sends whoever is not signed in through the sign-in, and back', async () => {
    const agent = createUserAgent(app)
    const asked = await agent.follow(await agent.get('/account'))
    expect(asked.page?.html).toContain('name="password"')

    const { page } = await agent.follow(await agent.submit(asked.page as Page, '/login', { ...ALICE }))

    expect(page?.address).toBe(`${app.issuer}${APPS}`)
    expect(page?.status).toBe(200)
    expect(page?.headers.get('cache-control')).toBe('no-store')
  })

  it('does not ask again when the person presses Cancel', async () => {
    const agent = createUserAgent(app)
    const asked = await agent.follow(await agent.get(APPS))

    const { page } = await agent.follow(await agent.submit(asked.page as Page, '/abort'))

    expect(page?.address).toBe(`${app.issuer}/`)
  })

  it('[S132] lists what was agreed to, and an end to it kills the tokens on every node', async () => {
    const account = await newAccount(app)
    const agent = createUserAgent(app)
    const tokens = await tokensOf(agent, account, 'openid orders:read offline_access')
    const [pageText] = await openApps(agent)
    expect(pageText).toContain('Demo single-page app')
    expect(pageText).toContain('See your orders (Orders)')

    const after = await endAccess(agent, 'demo-spa')

    expect(after.html).toContain('can no longer use your account')
    expect(after.html).toContain('No app may use your account')
    for (const url of app.urls) {
      expect(await refresh(url, tokens.refresh)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
      expect((await userinfo(url, tokens.access)).status).toBe(401)
    }
  })

  it('[S132] asks again before an app whose access was ended comes back', async () => {
    const account = await newAccount(app)
    const agent = createUserAgent(app)
    await tokensOf(agent, account)
    await endAccess(agent, 'demo-spa')

    const { page } = await agent.follow(await agent.get(addressOf('demo-spa')))

    expect(page?.html).toContain('wants to use your account')
  })

  it('[S132] ends the access of one app, and leaves the others and other people alone', async () => {
    const [ana, ben] = [await newAccount(app), await newAccount(app)]
    const [hers, his] = [createUserAgent(app), createUserAgent(app)]
    const herTokens = await tokensOf(hers, ana)
    const hisTokens = await tokensOf(his, ben)
    const web = { clientId: 'demo-web', redirectUri: 'http://localhost:4010/callback' }
    await signIn(hers, newPkce(), { ...web, account: ana })

    const after = await endAccess(hers, 'demo-web')

    expect(after.html).toContain('Demo single-page app')
    expect((await refresh(app.issuer, herTokens.refresh)).status).toBe(200)
    expect((await refresh(app.issuer, hisTokens.refresh)).status).toBe(200)
  })

  it('refuses an end that another site sent, that carries another session’s token, or none', async () => {
    const agent = createUserAgent(app)
    await tokensOf(agent, await newAccount(app))
    const other = createUserAgent(app)
    await tokensOf(other, await newAccount(app))
    const [, own] = await openApps(agent)
    const [, foreign] = await openApps(other)
    const send = (fields: Record<string, string>, headers = {}) => agent.post(`${APPS}/end`, fields, headers)

    expect((await send({ ...own }, { origin: 'https://evil.example' })).status).toBe(403)
    expect((await send({ ...own, csrf: foreign.csrf as string })).status).toBe(403)
    expect((await send({ client_id: 'demo-spa' })).status).toBe(403)
    expect((await agent.get(`${APPS}/end`)).status).toBe(405)
    expect((await openApps(agent))[0]).toContain('Demo single-page app')
  })

  it('says nothing of a name that the address makes up', async () => {
    const agent = createUserAgent(app)
    await tokensOf(agent, await newAccount(app))

    for (const ended of ['<script>alert(1)</script>', 'demo-spa', 'constructor']) {
      const [html] = await openApps(agent, `${APPS}?${new URLSearchParams({ ended }).toString()}`)
      expect(html).not.toContain('can no longer')
    }
  })
})

interface Login {
  readonly login: string
  readonly password: string
}

let made = 0

async function newAccount(app: Running): Promise<Login> {
  const account = { login: `person-${++made}@example.com`, password: 'a password of some length' }
  await app.nodes[0]?.accounts.createAccount({ ...account, claims: { name: `Person ${made}` } })
  return account
}

async function tokensOf(agent: UserAgent, account: Login, scope = 'openid orders:read') {
  const pkce = newPkce()
  const params = scope.includes('offline_access') ? { prompt: 'consent' } : {}
  const answer = await signIn(agent, pkce, { account, scope, params })
  const issuer = answer.get('iss') ?? ''
  const { body } = await redeem(issuer, answer.get('code') ?? '', pkce)
  return { access: body.access_token as string, refresh: body.refresh_token as string }
}

/** The page, and the hidden fields of its first form. */
async function openApps(agent: UserAgent, address = APPS): Promise<[string, Record<string, string>]> {
  const { page } = await agent.follow(await agent.get(address))
  return [page?.html ?? '', formsOf(page?.html ?? '')[0]?.hidden ?? {}]
}

async function endAccess(agent: UserAgent, clientId: string): Promise<Page> {
  const { page } = await agent.follow(await agent.get(APPS))
  const form = formsOf(page?.html ?? '').find(({ hidden }) => hidden.client_id === clientId)
  if (form === undefined) throw new Error(`no form for ${clientId}`)
  const sent = await agent.post(form.action, form.hidden)
  expect(sent.status).toBe(303)
  return (await agent.follow(sent)).page as Page
}

function userinfo(url: string, token: string): Promise<Response> {
  return fetch(`${url}/userinfo`, { headers: { authorization: `Bearer ${token}` } })
}

function addressOf(clientId: string): string {
  const query = new URLSearchParams({
    client_id: clientId,
    redirect_uri: 'http://localhost:4011/callback',
    response_type: 'code',
    scope: 'openid orders:read',
    code_challenge: newPkce().challenge,
    code_challenge_method: 'S256',
  })
  return `/authorize?${query.toString()}`
}
