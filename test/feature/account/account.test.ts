import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Running, start } from '../../support/start.ts'
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
} from '../../support/user-agent.ts'

const APPS = '/account/apps'

describe('the page of connected apps', () => {
  let app: Running
  beforeAll(async () => {
    app = await start({ nodes: 2 })
  })
  afterAll(() => app.close())

  it('sends a visitor who is not signed in through the sign-in, and back', async () => {
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

  it.each(['disable', 'endAccess', 'remove'] as const)(
    'opens for no session from before the account’s access ended: %s',
    async (ending) => {
      const account = await newAccount(app)
      const agent = createUserAgent(app)
      await tokensOf(agent, account)
      const [, form] = await openApps(agent)
      const accounts = app.nodes[1]?.accounts
      const { id = '' } = (await accounts?.findAccountByLogin(account.login)) ?? {}
      // Only what the account's record says: a request under way may have brought back what was removed.
      await accounts?.[ending](id)

      const asked = await agent.follow(await agent.get(APPS))
      const sent = await agent.post(`${APPS}/end`, form)

      expect(asked.page?.html).toContain('name="password"')
      expect(new URL(sent.headers.get('location') ?? '', app.issuer).pathname).toBe('/authorize')
    },
  )

  it('[S110] does not open for a saved cookie after the logout, on any node', async () => {
    const agent = createUserAgent(app)
    await tokensOf(agent, await newAccount(app))
    const [, form] = await openApps(agent)
    const saved = [...agent.cookies]

    await signOut(agent)

    for (const node of [0, 1]) {
      const thief = createUserAgent(app, { node: () => node })
      for (const [name, value] of saved) thief.cookies.set(name, value)
      const answer = await thief.get(APPS)
      expect(answer.status).toBe(303)
      expect(await answer.text()).toBe('')
      expect((await thief.post(`${APPS}/end`, form)).headers.get('location')).toMatch(/^\/authorize\?/)
    }
  })

  it.each([
    ['after a logout', signOut],
    ['without a logout', async () => undefined],
  ])('[S111] shows the second person in one browser nothing of the first: %s', async (_, between) => {
    const [ana, ben] = [await newAccount(app), await newAccount(app)]
    const agent = createUserAgent(app)
    await tokensOf(agent, ana)
    const [hers, herForm] = await openApps(agent)
    expect(hers).toContain('Demo single-page app')

    await between(agent)
    await signInAsOther(agent, ben)
    const [his] = await openApps(agent)

    expect(his).toContain(ben.name)
    expect(his).not.toContain(ana.name)
    expect(his).toContain('No app may use your account')
    // A page of hers that is still open somewhere ends nothing of his, nor of hers.
    await tokensOf(agent, ben)
    expect((await agent.post(`${APPS}/end`, herForm)).status).toBe(403)
    expect((await openApps(agent))[0]).toContain('Demo single-page app')
    const elsewhere = createUserAgent(app)
    await tokensOf(elsewhere, ana, 'openid')
    expect((await openApps(elsewhere))[0]).toContain('See your orders (Orders)')
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

  it('[A15] says that access was ended only where it was, in that session', async () => {
    const agent = createUserAgent(app)
    await tokensOf(agent, await newAccount(app))
    const other = createUserAgent(app)
    await tokensOf(other, await newAccount(app))

    const { address } = await endAccess(other, 'demo-spa')
    for (const spoofed of [`${APPS}?ended=demo-machine`, `${APPS}?ended=demo-web&proof=x`, address]) {
      const [html] = await openApps(agent, spoofed)
      expect(html).not.toContain('can no longer')
    }
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
  readonly name: string
}

let made = 0

async function newAccount(app: Running): Promise<Login> {
  const login = `person-${++made}@example.com`
  const account = { login, password: 'a password of some length', name: `Person ${made} of all` }
  const { name, ...credentials } = account
  await app.nodes[0]?.accounts.createAccount({ ...credentials, claims: { name } })
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

async function signOut(agent: UserAgent): Promise<void> {
  const { page } = await agent.follow(await agent.get('/logout'))
  const { page: end } = await agent.follow(await agent.submit(page as Page, '/logout/confirm', { logout: 'yes' }))
  expect(end?.headers.get('cache-control')).toBe('no-store')
}

/** In the same browser, whichever person is signed in there: the server signs that person out first. */
async function signInAsOther(agent: UserAgent, { login, password }: Login): Promise<void> {
  const { page: asked } = await agent.follow(await agent.get(`${addressOf('demo-spa')}&prompt=login`))
  let { page } = await agent.follow(await agent.submit(asked as Page, '/login', { login, password }))
  if (page?.html.includes('One moment')) {
    page = (await agent.follow(await agent.submit(page, '/logout/confirm'))).page
  }
  expect(page?.html).toContain('wants to use your account')
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
