import { generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'

import { type Running, start } from '../../support/start.ts'
import {
  authorizationUrl,
  callEndpoint,
  createUserAgent,
  newPkce,
  type Page,
  redeem,
  refresh,
  type SignInOptions,
  signIn,
  type TokenAnswer,
  type UserAgent,
} from '../../support/user-agent.ts'

const HOME = 'http://localhost:4011/'
const WEB = { id: 'demo-web', secret: 'demo-web-secret-not-for-production' }
const WEB_CALLBACK = { clientId: 'demo-web', redirectUri: 'http://localhost:4010/callback' }
const HOUR = 3600
const DAY = 24 * HOUR
const LIFETIMES = {
  ...{
    authorizationCodeSeconds: 60,
    idTokenSeconds: HOUR,
    interactionSeconds: 900,
    consentSeconds: 365 * DAY,
    auditSeconds: DAY,
  },
  ...{ sessionIdleSeconds: HOUR, sessionSeconds: 4 * HOUR },
  ...{ refreshTokenIdleSeconds: 14 * DAY, refreshTokenSeconds: 30 * DAY },
}
const INVALID_GRANT = { status: 400, body: { error: 'invalid_grant' } }

describe('logout that an application asks for', () => {
  let app: Running
  let foreignIdToken: string
  beforeAll(async () => {
    app = await start({ nodes: 2 })
    foreignIdToken = await signIdToken(app)
  })
  afterAll(() => app.close())

  type Value = 'absent' | 'right' | 'wrong'
  const values = ['absent', 'right', 'wrong'] as const
  const combinations = values.flatMap((hint) =>
    values.flatMap((client) =>
      values.flatMap((uri) => ['absent', 'right'].map((state) => ({ hint, client, uri, state }))),
    ),
  )

  it.each(combinations)(
    '[S133] with hint $hint, client $client, URI $uri, state $state',
    async ({ hint, client, uri, state }) => {
      const { agent, tokens } = await signedIn(app)
      const query = {
        id_token_hint: { absent: undefined, right: tokens.body.id_token, wrong: foreignIdToken }[hint],
        client_id: { absent: undefined, right: 'demo-spa', wrong: 'demo-web' }[client],
        post_logout_redirect_uri: { absent: undefined, right: HOME, wrong: 'http://localhost:4011/elsewhere' }[uri],
        state: state === 'right' ? 'a&state=of "its" own' : undefined,
      }

      const asked = await agent.follow(await agent.get(`/logout?${queryOf(query)}`))

      expect(asked.left).toBeUndefined()
      expect(await isSignedIn(agent)).toBe(true)
      if (isRefused(hint, client, uri)) {
        expect(asked.page?.status).toBe(400)
        expect(asked.page?.html).not.toContain('elsewhere')
        return
      }
      expect(asked.page?.html).toContain('<h1>Sign out?</h1>')

      const { left, page } = await confirm(agent, asked.page)
      expect(await isSignedIn(agent)).toBe(false)
      if (uri === 'right' && (hint === 'right' || client === 'right')) {
        expect(`${left?.origin}${left?.pathname}`).toBe(HOME)
        expect(left?.searchParams.get('state') ?? undefined).toBe(query.state)
      } else {
        expect(page?.html).toContain('<h1>You are signed out</h1>')
      }
    },
  )

  /** A URI counts only together with a client, and whatever is given about the client has to be true. */
  function isRefused(hint: Value, client: Value, uri: Value): boolean {
    if (hint === 'wrong' || (hint === 'right' && client === 'wrong')) return true
    // The URI of one application is not registered for the other.
    return client === 'wrong' ? uri !== 'absent' : (hint === 'right' || client === 'right') && uri === 'wrong'
  }

  it('[S133] refuses a hint that is no ID token of ours, and a client that is unknown, and leads nowhere', async () => {
    const { agent, tokens } = await signedIn(app)
    const [header, payload, signature] = (tokens.body.id_token ?? '').split('.')
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`
    const altered = `${header}.${Buffer.from('{"aud":"demo-spa","sub":"x"}').toString('base64url')}.${signature}`

    for (const hint of ['x', 'a.b.c', unsigned, altered, tokens.body.access_token, tokens.body.refresh_token]) {
      const query = { id_token_hint: hint, post_logout_redirect_uri: HOME }
      expect((await agent.get(`/logout?${queryOf(query)}`)).status, hint).toBe(400)
    }
    const unknown = { client_id: 'nobody', post_logout_redirect_uri: 'https://evil.example/' }
    expect((await agent.get(`/logout?${queryOf(unknown)}`)).status).toBe(400)
    const twice = `client_id=demo-spa&post_logout_redirect_uri=${HOME}&post_logout_redirect_uri=${HOME}`
    expect((await agent.get(`/logout?${twice}`)).status).toBe(400)
    expect(await isSignedIn(agent)).toBe(true)
  })

  it('[S25] compares the address character by character with the registered one', async () => {
    const agent = createUserAgent(app)
    const others = [
      ...['http://localhost:4011', 'http://localhost:4011//', 'http://localhost:4011/x', 'http://localhost:4011/?a=b'],
      ...[
        'http://localhost:4011/#x',
        'http://localhost:4011/.',
        'http://localhost:4011/%2e',
        'http://localhost:4011/x/..',
      ],
      ...['HTTP://localhost:4011/', 'http://LOCALHOST:4011/', 'https://localhost:4011/', 'http://localhost:4012/'],
      ...['http://localhost/', 'http://127.0.0.1:4011/', 'http://localhost.:4011/', 'http://sub.localhost:4011/'],
      ...['http://localhost:4011@evil.example/', 'http://u:p@localhost:4011/', 'http://localhost:4011.evil.example/'],
      ...[
        '//localhost:4011/',
        '/',
        'localhost:4011/',
        'http:\\\\localhost:4011/',
        'http://localhost:4011/\\',
        ' http://localhost:4011/',
      ],
      ...[
        'http://localhost:4011/ ',
        'http://localhost:4011/\n',
        'http://localhost:4011/\0',
        'javascript:alert(1)',
        '*',
      ],
      ...['http://localhost:4010/', 'http://localhost:4011/callback'],
    ]

    for (const uri of others) {
      const answer = await agent.get(`/logout?${queryOf({ client_id: 'demo-spa', post_logout_redirect_uri: uri })}`)
      expect(answer.status, JSON.stringify(uri)).toBe(400)
      expect(answer.headers.get('location')).toBeNull()
    }
  })

  it('[S133] works by POST as by GET', async () => {
    const { agent, tokens } = await signedIn(app)
    const form = { id_token_hint: tokens.body.id_token ?? '', post_logout_redirect_uri: HOME, state: 'by post' }

    const asked = await agent.follow(await agent.post('/logout', form, { origin: 'http://localhost:4011' }))
    expect(await isSignedIn(agent)).toBe(true)
    const { left } = await confirm(agent, asked.page)

    expect(left?.href).toBe(`${HOME}?state=by+post`)
    expect(await isSignedIn(agent)).toBe(false)
  })

  it('[S133] names the application that asks, and the one that was left', async () => {
    const { agent } = await signedIn(app)

    const asked = await agent.follow(await agent.get('/logout?client_id=demo-spa'))

    expect(asked.page?.html).toContain('<bdi>Demo single-page app</bdi></strong> asks to end your sign-in here')
    expect(asked.page?.headers.get('cache-control')).toBe('no-store')
  })

  it('[S136] ends codes, refresh tokens and access tokens of the session, for every application, on every node', async () => {
    const { agent, tokens } = await signedIn(app)
    const web = await tokensOf(app, agent, WEB_CALLBACK)
    const pkce = newPkce()
    const waiting = (await signIn(agent, pkce)).get('code') ?? ''

    await signOut(agent)

    for (const url of app.urls) {
      expect(await refresh(url, tokens.body.refresh_token ?? '')).toMatchObject(INVALID_GRANT)
      expect(await refreshWeb(url, web)).toMatchObject(INVALID_GRANT)
      expect(await redeem(url, waiting, pkce)).toMatchObject(INVALID_GRANT)
      expect(await userinfoStatus(url, tokens)).toBe(401)
      expect(await userinfoStatus(url, web)).toBe(401)
    }
  })

  it('[S136] lets those live that were given for when the person is away', async () => {
    const { agent, tokens } = await signedIn(app)
    const offline = { ...WEB_CALLBACK, scope: 'openid offline_access orders:read', params: { prompt: 'consent' } }
    const web = await tokensOf(app, agent, offline)

    await signOut(agent)

    expect(await refresh(app.issuer, tokens.body.refresh_token ?? '')).toMatchObject(INVALID_GRANT)
    expect((await refreshWeb(app.issuer, web)).status).toBe(200)
  })

  it('[S136] is of one browser: the same person stays signed in elsewhere', async () => {
    const here = await signedIn(app)
    const elsewhere = await signedIn(app, here.account)

    await signOut(here.agent)

    expect(await isSignedIn(elsewhere.agent)).toBe(true)
    expect((await refresh(app.issuer, elsewhere.tokens.body.refresh_token ?? '')).status).toBe(200)
  })

  it('[S110] makes a saved cookie worth nothing, on every node, and leaves no page in a cache', async () => {
    const { agent } = await signedIn(app)
    const saved = [...agent.cookies]
    const { page } = await signOut(agent)
    expect(page?.headers.get('cache-control')).toBe('no-store')

    for (const node of [0, 1]) {
      const thief = createUserAgent(app, { node: () => node })
      for (const [name, value] of saved) thief.cookies.set(name, value)
      expect(await isSignedIn(thief)).toBe(false)
    }
    // What stays says only that the account signed in here before, which limits of guesses look at.
    expect([...agent.cookies.keys()]).toEqual(['grantor-device'])
  })

  it('keeps the session when the person says no, and takes only the application that asked its access', async () => {
    const { agent, tokens } = await signedIn(app)
    const web = await tokensOf(app, agent, WEB_CALLBACK)
    const query = queryOf({ client_id: 'demo-spa', post_logout_redirect_uri: HOME, state: 's' })
    const asked = await agent.follow(await agent.get(`/logout?${query}`))

    const { left } = await agent.follow(await agent.submit(asked.page as Page, '/logout/confirm'))

    expect(left?.href).toBe(`${HOME}?state=s`)
    expect(await isSignedIn(agent)).toBe(true)
    expect(await refresh(app.issuer, tokens.body.refresh_token ?? '')).toMatchObject(INVALID_GRANT)
    expect((await refreshWeb(app.issuer, web)).status).toBe(200)
  })

  it('keeps everything when a person says no without being signed in', async () => {
    const { agent, tokens } = await signedIn(app)
    const asked = await agent.follow(await agent.get('/logout'))

    await agent.follow(await agent.submit(asked.page as Page, '/logout/confirm'))

    expect(await isSignedIn(agent)).toBe(true)
    expect((await refresh(app.issuer, tokens.body.refresh_token ?? '')).status).toBe(200)
  })

  it.each([
    ['registered', { client_id: 'demo-spa', post_logout_redirect_uri: HOME, state: 's' }, `${HOME}?state=s`],
    ['none', { client_id: 'demo-spa' }, undefined],
    ['of nobody', { post_logout_redirect_uri: HOME }, undefined],
  ])('ends at the right place when no one is signed in: URI %s', async (_, query, end) => {
    const agent = createUserAgent(app)
    const passing = await agent.follow(await agent.get(`/logout?${queryOf(query)}`))
    // A page that sends itself on, since there is nothing to ask.
    expect(passing.page?.html).toContain('<h1>One moment</h1>')

    const { left, page } = await agent.follow(await agent.submit(passing.page as Page, '/logout/confirm'))

    expect(left?.href).toBe(end)
    if (end === undefined) expect(page?.html).toContain('<h1>You are signed out</h1>')
  })
})

describe('a session', () => {
  let app: Running
  // Nodes whose clocks differ by so much agree.
  const TOLERANCE = 16
  beforeAll(async () => {
    app = await start({ config: { lifetimes: LIFETIMES } })
  })
  afterAll(() => app.close())
  afterEach(() => void vi.useRealTimers())

  // The engine asks no clock of ours, so the time itself is moved; only `Date`, since requests need real timers.
  function pass(seconds: number): void {
    const now = Date.now()
    vi.useFakeTimers({ toFake: ['Date'], now: now + seconds * 1000 })
  }

  it('[S108] ends on the server when it is not used: the cookie sent again is not a sign-in', async () => {
    const { agent } = await signedIn(app)
    pass(HOUR - 60)
    expect(await isSignedIn(agent)).toBe(true)
    pass(HOUR - 60)
    expect(await isSignedIn(agent)).toBe(true)
    const saved = [...agent.cookies]

    pass(HOUR + TOLERANCE)

    for (const [name, value] of saved) agent.cookies.set(name, value)
    expect(await isSignedIn(agent)).toBe(false)
    const asked = await agent.follow(await agent.get(authorizationUrl(newPkce())))
    expect(asked.page?.html).toContain('name="password"')
  })

  it('[S108] ends after its whole life, however much it is used', async () => {
    const { agent } = await signedIn(app)
    for (let minutes = 50; minutes < 240; minutes += 50) {
      pass(50 * 60)
      expect(await isSignedIn(agent), `after ${minutes} minutes`).toBe(true)
    }

    pass(39 * 60)
    expect(await isSignedIn(agent)).toBe(true)
    pass(60 + TOLERANCE)
    expect(await isSignedIn(agent)).toBe(false)
  })

  it('[S108] takes its refresh tokens along when it ends, but for those of offline access', async () => {
    const { agent, tokens } = await signedIn(app)
    const offline = { ...WEB_CALLBACK, scope: 'openid offline_access orders:read', params: { prompt: 'consent' } }
    const web = await tokensOf(app, agent, offline)
    expect((await refresh(app.issuer, tokens.body.refresh_token ?? '')).status).toBe(200)

    pass(HOUR + TOLERANCE)

    const rotated = await tokensOf(app, (await signedIn(app)).agent)
    expect(rotated.status).toBe(200)
    expect(await refresh(app.issuer, tokens.body.refresh_token ?? '')).toMatchObject(INVALID_GRANT)
    expect((await refreshWeb(app.issuer, web)).status).toBe(200)
  })

  it('[S133] that is long over still leads its application’s logout home: an ID token may have expired', async () => {
    const { agent, tokens } = await signedIn(app)
    pass(30 * HOUR)
    const query = queryOf({ id_token_hint: tokens.body.id_token, post_logout_redirect_uri: HOME })

    const passing = await agent.follow(await agent.get(`/logout?${query}`))
    const { left } = await agent.follow(await agent.submit(passing.page as Page, '/logout/confirm'))

    expect(left?.href).toBe(HOME)
  })
})

/** A new person, or this one, signed in at a fresh browser, with tokens for the SPA of the demo. */
async function signedIn(app: Running, known?: SignInOptions['account']) {
  const account = known ?? { login: `${crypto.randomUUID()}@example.com`, password: 'looking-glass-2026' }
  if (known === undefined) await app.nodes[0]?.accounts.createAccount({ ...account, claims: {} })
  const agent = createUserAgent(app)
  return { agent, account, tokens: await tokensOf(app, agent, { account }) }
}

async function tokensOf(app: Running, agent: UserAgent, options: SignInOptions = {}): Promise<TokenAnswer> {
  const pkce = newPkce()
  const code = (await signIn(agent, pkce, options)).get('code') ?? ''
  if (options.clientId === undefined) return redeem(app.issuer, code, pkce)
  const params = { grant_type: 'authorization_code', code, redirect_uri: options.redirectUri ?? '' }
  return callEndpoint(`${app.issuer}/token`, { ...params, code_verifier: pkce.verifier }, WEB)
}

function refreshWeb(url: string, { body }: TokenAnswer): Promise<TokenAnswer> {
  const params = { grant_type: 'refresh_token', refresh_token: body.refresh_token ?? '' }
  return callEndpoint(`${url}/token`, params, WEB)
}

async function userinfoStatus(url: string, { body }: TokenAnswer): Promise<number> {
  const headers = { authorization: `Bearer ${body.access_token}` }
  return (await fetch(`${url}/userinfo`, { headers })).status
}

async function isSignedIn(agent: UserAgent): Promise<boolean> {
  const answer = await agent.get(authorizationUrl(newPkce(), { params: { prompt: 'none' } }))
  const { searchParams } = new URL(answer.headers.get('location') ?? '')
  return searchParams.get('error') !== 'login_required'
}

function confirm(agent: UserAgent, page: Page | undefined) {
  if (page === undefined) throw new Error('no page')
  return agent.submit(page, '/logout/confirm', { logout: 'yes' }).then((sent) => agent.follow(sent))
}

async function signOut(agent: UserAgent) {
  return confirm(agent, (await agent.follow(await agent.get('/logout'))).page)
}

function queryOf(params: Record<string, string | undefined>): string {
  const given = Object.entries(params).filter(([, value]) => value !== undefined) as [string, string][]
  return new URLSearchParams(given).toString()
}

/** An ID token for the SPA with another signature. */
async function signIdToken({ issuer }: Running): Promise<string> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const claims = { sub: 'usr_somebody', sid: 'x' }
  const token = new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'x' }).setIssuedAt().setExpirationTime('1h')
  return token.setIssuer(issuer).setAudience('demo-spa').sign(privateKey)
}
