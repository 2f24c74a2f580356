/** Every error page leads on: a crawler opens each of its links, and each ends at a page that works. */

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { within } from '../../support/figures.ts'
import { movableClock } from '../../support/movable-clock.ts'
import { describeWithRedis, type RedisServer, startRedis } from '../../support/redis.ts'
import { type Running, start } from '../../support/start.ts'
import {
  ALICE,
  authorizationUrl,
  createUserAgent,
  newPkce,
  type Page,
  redeem,
  signIn,
  type SignInOptions,
  type UserAgent,
} from '../../support/user-agent.ts'

const SHOP = {
  clientId: 'shop',
  clientName: 'The Shop',
  grantTypes: ['authorization_code'] as const,
  redirectUris: ['https://shop.example/callback'],
  scopes: ['openid'],
  clientUri: 'https://shop.example/start',
}
const BANK = {
  ...SHOP,
  clientId: 'bank',
  clientName: 'The Bank',
  redirectUris: ['https://bank.example/callback'],
  clientUri: 'https://bank.example/',
  initiateLoginUri: 'https://bank.example/login?from=issuer',
}
const PLAIN = { ...SHOP, clientId: 'plain', redirectUris: ['https://plain.example/callback'], clientUri: undefined }
const CLIENTS = [SHOP, BANK, PLAIN]

const REGISTERED = [
  ...[SHOP, BANK].map(({ clientUri }) => clientUri),
  ...CLIENTS.flatMap(({ redirectUris }) => redirectUris),
  'https://bank.example/login',
]

const clock = movableClock()
let app: Running
beforeAll(async () => {
  app = await start({
    clock,
    clients: CLIENTS.map(({ clientUri, ...rest }) => ({ ...rest, ...(clientUri && { clientUri }) })),
  })
})
afterAll(() => app.close())

interface Begun {
  readonly agent: UserAgent
  readonly page: Page
}

async function begin(
  client: { clientId: string; redirectUris: readonly string[] } = SHOP,
  options: SignInOptions = {},
) {
  const agent = createUserAgent(app)
  const request = { clientId: client.clientId, redirectUri: client.redirectUris[0] ?? '', scope: 'openid', ...options }
  const { page } = await agent.follow(await agent.get(authorizationUrl(newPkce(), request)))
  if (page === undefined) throw new Error('no login page')
  return { agent, page }
}

/** As a browser has it once the sign-in's own cookies have expired. */
function forgetFlowCookies({ cookies }: UserAgent): void {
  for (const name of cookies.keys()) if (/grantor-(?:interaction|resume)/.test(name)) cookies.delete(name)
}

async function expired(client?: Parameters<typeof begin>[0], options?: SignInOptions): Promise<Begun> {
  const { agent, page } = await begin(client, options)
  clock.moveSeconds(3601)
  forgetFlowCookies(agent)
  return { agent, page: await open(agent, page.address) }
}

async function open(agent: UserAgent, address: string): Promise<Page> {
  return asPage(address, await agent.get(address))
}

async function asPage(address: string, response: Response): Promise<Page> {
  return { address, status: response.status, html: await response.text(), headers: response.headers }
}

interface Way {
  readonly text: string
  readonly address: string
}

function waysOn({ html }: Page): Way[] {
  const nav = /<nav[\s\S]*?<\/nav>/.exec(html)?.[0] ?? ''
  return [...nav.matchAll(/<a [^>]*href="([^"]*)"[^>]*>([^<]*)<\/a>/g)].map(([, address = '', text = '']) => ({
    address: address.replaceAll('&amp;', '&'),
    text,
  }))
}

/** Opens every link of an error page; each has to end at a page that works, or at an address that a client registered. */
async function expectEveryWayToWork(agent: UserAgent, page: Page): Promise<void> {
  const ways = waysOn(page)
  expect(ways.length, page.html).toBeGreaterThan(0)
  for (const { address, text } of ways) {
    const target = new URL(address === '' ? page.address : address, app.issuer)
    if (target.origin !== app.issuer) {
      expect(REGISTERED, text).toContain(target.origin + target.pathname)
      continue
    }
    const arrival = await agent.follow(await agent.get(target.href))
    if (arrival.left !== undefined) expect(REGISTERED, text).toContain(arrival.left.origin + arrival.left.pathname)
    else expect(arrival.page.status, `${text}:\n${arrival.page.html}`).toBe(200)
  }
}

type ErrorState = () => Promise<Begun>

const STATES: Readonly<Record<string, ErrorState>> = {
  'an expired sign-in': () => expired(),
  'an expired sign-in at an application with a start of its own': () => expired(BANK),
  'an expired sign-in at an application that registered no page': () => expired(PLAIN),
  async 'the form of an expired sign-in'() {
    const { agent, page } = await begin()
    clock.moveSeconds(3601)
    return { agent, page: await asPage(page.address, await agent.submit(page, '/login', ALICE)) }
  },
  async 'a sign-in of another browser'() {
    const { page } = await begin()
    const agent = createUserAgent(app)
    return { agent, page: await open(agent, page.address) }
  },
  async 'back after Allow'() {
    const { agent, page } = await begin()
    const { page: consent } = await agent.follow(await agent.submit(page, '/login', ALICE))
    if (consent === undefined) throw new Error('no consent page')
    await agent.follow(await agent.submit(consent, '/consent'))
    return { agent, page: await open(agent, consent.address) }
  },
  async 'back to where the sign-in went on'() {
    const { agent, page } = await begin()
    const address = page.address.replace('/interaction/', '/authorize/')
    await agent.follow(await agent.submit(page, '/login', ALICE))
    return { agent, page: await open(agent, address) }
  },
  async 'a form of ours without its token'() {
    const { agent, page } = await begin()
    return { agent, page: await asPage(page.address, await agent.post(`${page.address}/login`, { ...ALICE })) }
  },
  async 'a reload of the answer to a form'() {
    const { agent, page } = await begin()
    return { agent, page: await open(agent, `${page.address}/login`) }
  },
  'an answer to the tour without its cookie': () => at('/tour/callback?code=x&state=y'),
  'a redirect URI that is not registered': () =>
    at(authorizationUrl(newPkce(), { clientId: 'shop', redirectUri: 'https://evil.example/' })),
  'a client that is not known': () =>
    at(authorizationUrl(newPkce(), { clientId: 'unknown', redirectUri: 'https://evil.example/' })),
  'an authorization request without client': () => at('/authorize'),
  'a sign-out that asks for an address that is not registered': () =>
    at('/logout?client_id=shop&post_logout_redirect_uri=https://evil.example/'),
  'an address where there is nothing': () => at('/nothing-here'),
  'the address of a form': () => at('/account/apps/end'),
  'a request with too many parameters': () => at(`/?${'a&'.repeat(100)}`),
}

async function at(address: string): Promise<Begun> {
  const agent = createUserAgent(app)
  return { agent, page: await open(agent, address) }
}

describe('the error page after', () => {
  it.each(Object.entries(STATES))('%s leads on, by every link', async (_name, reach) => {
    const { agent, page } = await reach()

    expect(page.status).toBeGreaterThanOrEqual(400)
    expect(page.html).not.toContain('evil.example')
    await expectEveryWayToWork(agent, page)
  })

  it('an expired sign-in begins it anew, as the application asked', async () => {
    const { agent, page } = await expired(SHOP, { params: { state: 'kept' } })
    const [restart, application, home] = waysOn(page)

    expect([restart?.text, application, home]).toEqual([
      'Start again',
      { text: 'Go to The Shop', address: 'https://shop.example/start' },
      { text: 'Go to the start page', address: '/' },
    ])
    const again = await agent.follow(await agent.get(restart?.address ?? ''))
    const consent = await agent.follow(await agent.submit(again.page as Page, '/login', ALICE))
    const done = consent.left ?? (await agent.follow(await agent.submit(consent.page as Page, '/consent'))).left
    expect(done?.searchParams.get('state')).toBe('kept')
    expect(done?.searchParams.get('code')).toBeTruthy()
  })

  it('an expired sign-in leads to where the application begins its own', async () => {
    const { page } = await expired(BANK)

    expect(waysOn(page)[0]).toEqual({
      text: 'Start again',
      address: `https://bank.example/login?from=issuer&iss=${encodeURIComponent(app.issuer)}`,
    })
  })

  it('a sign-in of another browser offers nothing of it', async () => {
    const { page: foreign } = await begin()
    const { agent } = await begin(BANK)

    expect(waysOn(await open(agent, foreign.address)).map(({ address }) => address)).toEqual(['/'])
  })

  it('an expired sign-in offers nothing that this browser wrote itself', async () => {
    const { agent, page } = await begin()
    const uid = page.address.split('/').at(-1) ?? ''
    const forged = { clientId: 'shop', query: 'client_id=evil', uids: [uid] }
    clock.moveSeconds(3601)
    agent.cookies.set('grantor-begun', Buffer.from(JSON.stringify(forged)).toString('base64url'))

    expect(waysOn(await open(agent, page.address)).map(({ address }) => address)).toEqual(['/'])
  })

  it('an expired sign-in whose request held an ID token keeps the application and nothing of the request', async () => {
    const agent = createUserAgent(app)
    const pkce = newPkce()
    const { body } = await redeem(app.issuer, (await signIn(agent, pkce)).get('code') ?? '', pkce)
    const hint = { id_token_hint: body.id_token, prompt: 'login' }

    await agent.get(authorizationUrl(newPkce(), { params: hint }))

    const kept = Buffer.from(agent.cookies.get('grantor-begun') ?? '', 'base64url').toString()
    expect(JSON.parse(kept)).toEqual({ clientId: 'demo-spa', query: '', uids: [expect.any(String)] })
  })

  it('an error of the engine says in our words what happened, with the reference below', async () => {
    const { page } = await at(authorizationUrl(newPkce(), { clientId: 'unknown' }))

    expect(page.html).toContain('The application that sent you here is not known to this service.')
    expect(page.html).not.toContain('client is invalid')
    expect(page.html.indexOf('<nav')).toBeLessThan(page.html.indexOf('Reference'))
  })
})

describe('the tour', () => {
  it('begins another round when its result is loaded again', async () => {
    const agent = createUserAgent(app)

    expect((await agent.get('/tour/callback')).headers.get('location')).toBe('/tour')
  })

  it('is linked at the host of the issuer, since its cookie is needed there', async () => {
    const { page } = await at('/')

    expect(page.html).toContain(`href="${app.issuer}/tour"`)
  })
})

describeWithRedis('the error page while the store is away', () => {
  let away: Running
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
    away = await start({ redisUrl: redis.url })
  })
  afterAll(async () => {
    redis.resume()
    await redis.close()
    await away.close()
  })

  it('offers to try again, which works once the store answers', async () => {
    const agent = createUserAgent(away)
    const { page: login } = await agent.follow(await agent.get(authorizationUrl(newPkce())))
    if (login === undefined) throw new Error('no login page')
    redis.pause()
    await vi.waitFor(() => expect(away.nodes[0]?.store.status().ready).toBe(false), within(10_000))
    const request = authorizationUrl(newPkce())
    const pages = await Promise.all([request, '/account/apps', login.address].map((address) => open(agent, address)))
    const posted = await asPage(`${login.address}/login`, await agent.submit(login, '/login', ALICE))
    redis.resume()
    await vi.waitFor(() => expect(away.nodes[0]?.store.status().ready).toBe(true), within(10_000))

    for (const page of [...pages, posted]) {
      expect(page.status).toBe(503)
      const [first, ...others] = waysOn(page)
      expect(first?.text).toBe(page === posted ? 'Open the page again' : 'Try again')
      const address = first?.address === '' ? page.address : (first?.address ?? '')
      expect((await agent.follow(await agent.get(address))).page?.status).toBe(200)
      expect(others.map((way) => way.address)).toEqual(['/'])
    }
  })
})
