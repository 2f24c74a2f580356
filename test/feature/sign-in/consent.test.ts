import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { keysInFile } from '../../support/embedded-store.ts'
import { type Running, start } from '../../support/start.ts'
import {
  authorizationUrl,
  createUserAgent,
  formsOf,
  newPkce,
  type Page,
  redeem,
  refresh,
  type SignInOptions,
  type UserAgent,
} from '../../support/user-agent.ts'

const ORDERS = 'https://orders.example'
const HOSTILE = {
  rtl: '\u202Egro.elgoog\u202C Google\u2066\u200F',
  huge: 'A very long name '.repeat(640),
  html: '</bdi><script>alert(1)</script><img src=x onerror=alert(1)>"\'&amp;',
  look: 'Gооgle\u200B \u00ADAcc\u034Founts\u3164', // two Cyrillic letters, and four that nobody sees
  lines: 'Bank\r\nYou are signed in as\u2028root\t\u0000',
  marks: `Z${'\u0351'.repeat(500)}algo`,
  template: '<%= page.consentToken %> #{process.env} {{csrf}}',
  nothing: '\u200B\u2060\u3164',
}

const WITH_LOGO = { clientId: 'shop', redirectUri: 'https://shop.example/callback', scope: 'openid' }

describe('consent', () => {
  let app: Running
  beforeAll(async () => {
    app = await start({
      clients: [
        { clientId: 'ours', firstParty: true },
        { clientId: 'shop', redirectUris: [WITH_LOGO.redirectUri], logoUri: 'https://shop.example/logo.png?size=2' },
        ...Object.entries(HOSTILE).map(([clientId, clientName]) => ({ clientId, clientName })),
      ],
    })
  })
  afterAll(() => app.close())

  describe('remembered', () => {
    it('[S129] is not asked again in another browser, and covers no more than was agreed to', async () => {
      const account = await newAccount(app)
      const { page, agent } = await openConsent(app, account, { scope: 'openid orders:read' })
      expect((await answer(agent, page, '/consent')).has('code')).toBe(true)

      const elsewhere = await begin(app, { scope: 'openid orders:read' })
      const { left } = await logIn(elsewhere, account)
      expect(left?.searchParams.has('code')).toBe(true)

      const more = await begin(app, { scope: 'openid orders:read orders:write' })
      const asked = (await logIn(more, account)).page
      expect(listed(asked)).toEqual(['Place and change orders for you'])
    })

    it('[S129] is one person’s: another in the same browser is asked', async () => {
      const { page, agent } = await openConsent(app, await newAccount(app))
      await answer(agent, page, '/consent')

      const again = await agent.follow(await agent.get(authorizationUrl(newPkce(), { params: { prompt: 'login' } })))
      // The first one's session ends on the way.
      const goodbye = (await logIn({ agent, page: again.page as Page }, await newAccount(app))).page
      expect(headingOf(goodbye)).toBe('One moment')
      const arrival = await agent.follow(await agent.submit(goodbye as Page, '/logout/confirm'))

      expect(headingOf(arrival.page)).toContain('wants to use your account')
    })

    it('[S129] is asked again when the application wants it to be', async () => {
      const { page, agent } = await openConsent(app, await newAccount(app))
      await answer(agent, page, '/consent')

      const url = authorizationUrl(newPkce(), { params: { prompt: 'consent' } })

      expect(headingOf((await agent.follow(await agent.get(url))).page)).toContain('wants to use your account')
    })

    it('[S129] does not depend on a parameter `claims`, which is not offered and changes nothing', async () => {
      const { page, agent } = await openConsent(app, await newAccount(app), { scope: 'openid orders:read' })
      await answer(agent, page, '/consent')
      const claims = JSON.stringify({ userinfo: { email: { essential: true } }, id_token: { email: null, name: null } })

      const pkce = newPkce()
      const url = authorizationUrl(pkce, { scope: 'openid orders:read', params: { claims, prompt: 'none' } })
      const { left } = await agent.follow(await agent.get(url))
      const tokens = await redeem(app.issuer, left?.searchParams.get('code') ?? '', pkce)

      const metadata = await (await fetch(`${app.issuer}/.well-known/openid-configuration`)).json()
      expect(metadata).toMatchObject({ claims_parameter_supported: false })
      const authorization = `Bearer ${tokens.body.access_token}`
      const userinfo = await fetch(`${app.issuer}/userinfo`, { headers: { authorization } })
      expect(Object.keys((await userinfo.json()) as object)).toEqual(['sub'])
      expect(atob(tokens.body.id_token?.split('.')[1] ?? '')).not.toMatch(/email|name/)
    })

    it('[S129] is not asked for an application of our own', async () => {
      const ours = { clientId: 'ours', redirectUri: 'http://localhost:4999/callback' }

      const { left } = await logIn(await begin(app, ours), await newAccount(app))

      expect(left?.searchParams.has('code')).toBe(true)
    })
  })

  describe('for the wrong person', () => {
    it('lets another one sign in, who is asked, and whom the application gets', async () => {
      const [first, second] = [await newAccount(app), await newAccount(app)]
      const options = { scope: 'openid email', params: { login_hint: first.login } }
      const { agent, page, pkce } = await openConsent(app, first, options)

      const { page: login } = await agent.follow(await agent.submit(page, '/switch'))
      expect(headingOf(login)).toBe('Sign in')
      expect(login?.html).not.toContain(first.login)
      const goodbye = (await logIn({ agent, page: login as Page }, second)).page
      const { page: asked } = await agent.follow(await agent.submit(goodbye as Page, '/logout/confirm'))
      expect(asked?.html).toContain(second.login)
      const callback = await answer(agent, asked as Page, '/consent')

      const { body } = await redeem(app.issuer, callback.get('code') ?? '', pkce)
      const authorization = `Bearer ${body.access_token}`
      const userinfo = await (await fetch(`${app.issuer}/userinfo`, { headers: { authorization } })).json()
      expect(userinfo).toMatchObject({ email: second.login })
    })

    it('grants nothing by the consent form of the person who was not meant', async () => {
      const { agent, page } = await openConsent(app, await newAccount(app))
      await agent.submit(page, '/switch')

      expect((await agent.submit(page, '/consent')).status).toBe(400)
    })
  })

  describe("shows the application's picture", () => {
    it('under a policy that names this picture and no other', async () => {
      const { page } = await openConsent(app, await newAccount(app), WITH_LOGO)

      expect(page.html).toContain('src="https://shop.example/logo.png?size=2"')
      expect(policyOf(page)).toContain("img-src 'self' data: https://shop.example/logo.png;")
    })

    it('on the consent page alone, and none where none is registered', async () => {
      const { page: login } = await begin(app, WITH_LOGO)
      const { page: plainConsent } = await openConsent(app, await newAccount(app))

      for (const page of [login, plainConsent]) {
        expect(page.html).not.toContain('<img')
        expect(policyOf(page)).toContain("img-src 'self' data:;")
      }
    })
  })

  describe('denied', () => {
    it('[S129] tells the application access_denied with state and issuer, and is asked again', async () => {
      const account = await newAccount(app)
      const { page, agent } = await openConsent(app, account, { params: { state: 'state of the application' } })

      const callback = await answer(agent, page, '/abort')

      expect(Object.fromEntries(callback)).toMatchObject({
        error: 'access_denied',
        state: 'state of the application',
        iss: app.issuer,
      })
      expect(callback.has('code')).toBe(false)
      const again = await agent.follow(await agent.get(authorizationUrl(newPkce())))
      expect(headingOf(again.page)).toContain('wants to use your account')
    })

    it('leaves no page that could still be answered', async () => {
      const { page, agent } = await openConsent(app, await newAccount(app))
      await answer(agent, page, '/abort')

      expect((await agent.submit(page, '/consent')).status).toBe(400)
      expect((await agent.submit(page, '/abort')).status).toBe(400)
    })
  })

  describe('the page', () => {
    it('[S130] shows client, host of the redirect URI, person, each scope in words, the API and how long', async () => {
      const account = await newAccount(app)
      const scope = 'openid profile email offline_access orders:read orders:write'

      const { page } = await openConsent(app, account, { scope, params: { prompt: 'consent' } })

      expect(headingOf(page)).toBe('Demo single-page app wants to use your account')
      expect(textsOf(page, 'dd')).toEqual(['localhost:4011', account.login])
      expect(textsOf(page, 'h2')).toEqual(['About you', 'Orders'])
      expect(listed(page)).toEqual([
        'Know that it is you, by an identifier that stays the same',
        'See your profile: name, picture, language and time zone',
        'See your e-mail address',
        'Stay connected when you are not here',
        'See your orders',
        'Place and change orders for you',
      ])
      expect(textsOf(page, 'p class="lasts')).toEqual([
        'Access lasts at most 30 days, also while you are not signed in.',
      ])
    })

    it('[S130] says that access ends with the session unless it is to go on without', async () => {
      const { page } = await openConsent(app, await newAccount(app), { scope: 'openid orders:read' })

      expect(textsOf(page, 'p class="lasts')).toEqual(['Access lasts while you are signed in here, at most 14 days.'])
    })

    it('[S130] names the API of the resource that was asked for', async () => {
      const options = { scope: 'openid inventory:read', params: { resource: 'https://inventory.example' } }

      const { page } = await openConsent(app, await newAccount(app), options)

      expect(textsOf(page, 'h2')).toEqual(['About you', 'Inventory'])
      expect(listed(page)).toContain('See what is in stock')
    })

    it.each([
      ['rtl', 'gro.elgoog Google'],
      ['huge', `${'A very long name '.repeat(640).slice(0, 79)}…`],
      ['html', '</bdi><script>alert(1)</script><img src=x onerror=alert(1)>"\'&amp;'],
      ['look', 'Gооgle Accounts'],
      ['lines', 'Bank You are signed in as root'],
      ['marks', 'Z\u0351\u0351algo'],
      ['template', '<%= page.consentToken %> #{process.env} {{csrf}}'],
      ['nothing', 'Unnamed'],
    ])(
      '[S130] shows the hostile client name "%s" as plain, short text, on login and consent',
      async (clientId, shown) => {
        const options = { clientId, redirectUri: 'http://localhost:4999/callback' }
        const login = await begin(app, options)
        const consent = (await logIn(login, await newAccount(app))).page as Page

        for (const { html } of [login.page, consent]) {
          const [, name = ''] = /<bdi>([\s\S]*?)<\/bdi>/.exec(html) ?? []
          // As it stands in the page: no character of it is markup.
          expect(name).toBe(shown.replace(/[&<>"']/g, (character) => ESCAPED[character] ?? ''))
          expect(html).not.toMatch(/[\u202A-\u202E\u2066-\u2069\u200B-\u200F\u2028\u2029\0]|<script>|<img/)
          expect(html.length).toBeLessThan(10_000)
        }
        // Whatever name is imitated, the host is the registered one.
        expect(textsOf(consent, 'dd class="host')).toEqual(['localhost:4999'])
      },
    )
  })

  describe('the form', () => {
    it('[S131] cannot be framed by any site, on login and consent', async () => {
      const login = await begin(app)
      const consent = (await logIn(login, await newAccount(app))).page as Page

      for (const { headers } of [login.page, consent]) {
        expect(headers.get('content-security-policy')).toMatch(/(^|; )frame-ancestors 'none'(;|$)/)
        expect(headers.get('x-frame-options')).toBe('DENY')
      }
    })

    it('[S131] cannot be forged: what the page does not carry is 403, and nothing is granted', async () => {
      const { page, agent } = await openConsent(app, await newAccount(app))
      const { page: others } = await openConsent(app, await newAccount(app))
      const form = formsOf(page.html).find(({ action }) => action.endsWith('/consent'))
      const action = form?.action ?? ''

      const forged = [{}, { csrf: '' }, ...formsOf(others.html).map(({ hidden }) => hidden)]
      for (const fields of forged) expect((await agent.post(action, fields)).status).toBe(403)
      const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
      expect((await agent.post(action, form?.hidden ?? {}, foreign)).status).toBe(403)

      expect(await errorWithoutAsking(agent)).toBe('consent_required')
    })

    it('[S131] cannot be widened: the grant holds exactly what was asked, whatever the form says', async () => {
      const { page, agent, pkce } = await openConsent(app, await newAccount(app), { scope: 'openid orders:read' })
      const wider = 'openid email profile offline_access orders:read orders:write inventory:read'
      const fields = {
        ...{ scope: wider, scopes: wider, prompt: 'none', resource: 'https://inventory.example', state: 'forged' },
        ...{ client_id: 'demo-web', redirect_uri: 'https://evil.example/', account: 'root', accountId: 'root' },
        ...{ 'consent[grantId]': 'x', grantId: 'x', rejectedScopes: '', openid: JSON.stringify({ scope: wider }) },
      }

      const sent = await agent.submit(page, '/consent', fields)

      const { left } = await agent.follow(sent)
      expect(left?.origin).toBe('http://localhost:4011')
      expect(left?.searchParams.get('state')).toBe('a-state')
      const tokens = await redeem(app.issuer, left?.searchParams.get('code') ?? '', pkce)
      expect(tokens.body.scope).toBe('openid orders:read')
      expect(await grantsOf(app, left)).toEqual([{ openid: 'openid', resources: { [ORDERS]: 'orders:read' } }])
      expect(await errorWithoutAsking(agent, 'openid orders:read')).toBeNull()
      for (const scope of ['openid email orders:read', 'openid orders:read orders:write']) {
        expect(await errorWithoutAsking(agent, scope)).toBe('consent_required')
      }
      const widened = await refresh(app.issuer, tokens.body.refresh_token ?? '', 'demo-spa', { scope: wider })
      expect(widened).toMatchObject({ status: 400, body: { error: 'invalid_scope' } })
    })
  })
})

const ESCAPED: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' }

interface Credentials {
  readonly login: string
  readonly password: string
}

interface Begun {
  readonly agent: UserAgent
  readonly page: Page
}

/** A person who has agreed to nothing yet. */
async function newAccount({ nodes: [node] }: Running): Promise<Credentials> {
  const account = { login: `${crypto.randomUUID()}@example.com`, password: 'looking-glass-2026' }
  await node?.accounts.createAccount({ ...account, claims: { email: account.login } })
  return account
}

/** A fresh browser at the login page. */
async function begin(app: Running, options: SignInOptions = {}): Promise<Begun & { pkce: ReturnType<typeof newPkce> }> {
  const agent = createUserAgent(app)
  const pkce = newPkce()
  const { page } = await agent.follow(await agent.get(authorizationUrl(pkce, options)))
  if (page === undefined) throw new Error('no login page')
  return { agent, page, pkce }
}

async function logIn({ agent, page }: Begun, account: Credentials) {
  return agent.follow(await agent.submit(page, '/login', { ...account }))
}

async function openConsent(app: Running, account: Credentials, options: SignInOptions = {}) {
  const begun = await begin(app, options)
  const { page } = await logIn(begun, account)
  if (page === undefined) throw new Error('no consent page')
  return { ...begun, page }
}

/** What the application receives when the form with this action is sent. */
async function answer(agent: UserAgent, page: Page, action: string): Promise<URLSearchParams> {
  const { left } = await agent.follow(await agent.submit(page, action))
  if (left === undefined) throw new Error('the browser did not come back to the application')
  return left.searchParams
}

async function errorWithoutAsking(agent: UserAgent, scope = 'openid orders:read'): Promise<string | null> {
  const answered = await agent.get(authorizationUrl(newPkce(), { scope, params: { prompt: 'none' } }))
  return new URL(answered.headers.get('location') ?? '').searchParams.get('error')
}

/** What the store holds as granted in the session of this code: they share a shard. */
async function grantsOf({ nodes: [node], dataDir }: Running, callback: URL | undefined) {
  const shard = callback?.searchParams.get('code')?.slice(1, 3)
  const keys = keysInFile(dataDir, 'grant')
  const entries = (await node?.store.getMany(keys.filter((key) => key.startsWith(`grant:{${shard}}:`)))) ?? []
  return entries.map((entry) => {
    const { openid, resources } = JSON.parse(entry?.value ?? '') as {
      openid: { scope: string }
      resources: Record<string, string>
    }
    return { openid: openid.scope, resources }
  })
}

function policyOf({ headers }: Page): string {
  return headers.get('content-security-policy') ?? ''
}

function headingOf(page: Page | undefined): string {
  return plain(/<h1>([\s\S]*?)<\/h1>/.exec(page?.html ?? '')?.[1] ?? '')
}

function listed(page: Page | undefined): string[] {
  return textsOf(page, 'li')
}

/** The texts of the elements that begin so. */
function textsOf(page: Page | undefined, begin: string): string[] {
  const [name = ''] = begin.split(' ')
  const pattern = new RegExp(`<${begin}\\b[^>]*>([\\s\\S]*?)</${name}>`, 'g')
  return [...(page?.html ?? '').matchAll(pattern)].map(([, inner = '']) => plain(inner))
}

function plain(html: string): string {
  return html.replace(/<[^>]*>/g, '').trim()
}
