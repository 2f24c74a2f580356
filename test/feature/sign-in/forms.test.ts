import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { keysInFile } from '../../support/embedded-store.ts'
import { type Running, start } from '../../support/start.ts'
import {
  ALICE,
  authorizationUrl,
  createUserAgent,
  formsOf,
  newPkce,
  type Page,
  signIn,
} from '../../support/user-agent.ts'

/** The pages that have forms, and how a fresh browser gets to each. */
const PAGES = [
  { name: 'login', refusal: 403, open: openLogin },
  { name: 'consent', refusal: 403, open: openConsent },
  { name: 'logout', refusal: 400, open: openLogout },
  { name: 'logout of nobody', refusal: 400, open: openLogoutOfNobody },
] as const

/** What a person fills in, or the button that they press, beside the hidden fields. */
const TYPED: Record<string, Record<string, string>> = { login: ALICE, confirm: { logout: 'yes' } }

describe('every form that changes something', () => {
  let app: Running
  beforeAll(async () => {
    app = await start()
  })
  afterAll(() => app.close())

  it('is on one of these pages, posts, and carries a token', async () => {
    const found: string[] = []
    for (const { name, open } of PAGES) {
      const { page, forms } = await open(app)
      expect(page.html.match(/<form\b/g)).toHaveLength(forms.length)
      expect(page.html.match(/<form\b[^>]* method="post"/g)).toHaveLength(forms.length)
      for (const { token } of forms) expect(token).toMatch(/^[\w-]{43,}$/)
      found.push(...forms.map((form) => `${name}: ${form.does}`))
    }

    expect(found).toEqual([
      'login: login',
      'login: abort',
      'consent: consent',
      'consent: abort',
      'consent: switch',
      'logout: confirm',
      'logout of nobody: confirm',
    ])
  })

  describe.each(PAGES)('on the page $name', ({ refusal, open }) => {
    it('[S116] is refused without its token, and with any other, and then nothing has changed', async () => {
      const { agent, forms } = await open(app)
      const strangers = await tokensOfStrangers(app)
      const before = await stateOf(app)

      for (const form of forms) {
        const own = form.token
        const siblings = forms.filter((other) => other !== form).map(({ token }) => token)
        const altered = [`${own.startsWith('a') ? 'b' : 'a'}${own.slice(1)}`, own.slice(0, -1), `${own}A`, `x${own}`]
        for (const token of [undefined, '', 'x', ...altered, ...siblings, ...strangers]) {
          const fields = { ...form.typed, ...(token === undefined ? {} : { [form.field]: token }) }
          const refused = await agent.post(form.action, fields)
          expect(refused.status, `${form.does} with the token ${token}`).toBe(refusal)
        }
      }

      expect(await stateOf(app)).toEqual(before)
    })

    it('[S116] changes nothing by GET or HEAD, with everything that is right', async () => {
      const { agent, forms } = await open(app)
      const before = await stateOf(app)

      for (const form of forms) {
        const query = new URLSearchParams({ ...form.typed, ...form.hidden }).toString()
        const got = await agent.get(`${form.action}?${query}`)
        expect([got.status, got.headers.get('allow')], form.does).toEqual([405, 'POST'])
        const headers = { cookie: cookiesOf(agent) }
        expect((await fetch(`${app.issuer}${form.action}?${query}`, { method: 'HEAD', headers })).status).toBe(405)
      }

      expect(await stateOf(app)).toEqual(before)
    })

    it('[S116] works with its own token, so that it was nothing else that refused', async () => {
      for (const at of (await open(app)).forms.keys()) {
        const { agent, forms } = await open(app)
        const form = forms[at]
        const before = await stateOf(app)

        const sent = await agent.post(form?.action ?? '', { ...form?.typed, ...form?.hidden })

        expect(sent.status, form?.does).toBe(303)
        expect(await stateOf(app)).not.toEqual(before)
      }
    })
  })

  describe.each(PAGES)('on the page $name', ({ open }) => {
    it('[S116] is refused when the browser says that another site sent it', async () => {
      const { agent, forms } = await open(app)
      const before = await stateOf(app)
      const { protocol, hostname, port } = new URL(app.issuer)
      const foreign = [
        { origin: 'https://evil.example' },
        { origin: 'null' },
        { origin: '' },
        { origin: `${app.issuer}.evil.example` },
        { origin: `${protocol}//${hostname}:${Number(port) + 1}` },
        { origin: `https://${hostname}:${port}` },
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
        { origin: app.issuer, 'sec-fetch-site': 'cross-site' },
      ]

      for (const form of forms) {
        for (const headers of foreign) {
          const refused = await agent.post(form.action, { ...form.typed, ...form.hidden }, headers)
          expect(refused.status, `${form.does} with ${JSON.stringify(headers)}`).toBe(403)
        }
      }

      expect(await stateOf(app)).toEqual(before)
    })
  })
})

interface PageForm {
  readonly action: string
  readonly hidden: Record<string, string>
  /** The last word of the action. */
  readonly does: string
  readonly typed: Record<string, string>
  readonly field: string
  readonly token: string
}

interface Opened {
  readonly agent: ReturnType<typeof createUserAgent>
  readonly page: Page
  readonly forms: PageForm[]
}

function opened(agent: Opened['agent'], page: Page | undefined): Opened {
  if (page === undefined) throw new Error('no page')
  const forms = formsOf(page.html).map(({ action, hidden }) => {
    const does = action.split('/').at(-1) ?? ''
    const [field = '', token = ''] = Object.entries(hidden)[0] ?? []
    return { action, hidden, does, typed: TYPED[does] ?? {}, field, token }
  })
  return { agent, page, forms }
}

async function openLogin(app: Running): Promise<Opened> {
  const agent = createUserAgent(app)
  return opened(agent, (await agent.follow(await agent.get(authorizationUrl(newPkce())))).page)
}

/** For a person who has consented to nothing: each time another account, since consent outlives the browser. */
async function openConsent(app: Running): Promise<Opened> {
  const { agent, page } = await openLogin(app)
  return opened(agent, (await agent.follow(await agent.submit(page, '/login', await newAccount(app)))).page)
}

async function openLogout(app: Running): Promise<Opened> {
  const agent = createUserAgent(app)
  await signIn(agent, newPkce(), { account: await newAccount(app) })
  return opened(agent, (await agent.follow(await agent.get('/logout'))).page)
}

async function openLogoutOfNobody(app: Running): Promise<Opened> {
  const agent = createUserAgent(app)
  return opened(agent, (await agent.follow(await agent.get('/logout'))).page)
}

async function newAccount(app: Running): Promise<{ login: string; password: string }> {
  const account = { login: `${crypto.randomUUID()}@example.com`, password: 'looking-glass-2026' }
  await app.nodes[0]?.accounts.createAccount({ ...account, claims: {} })
  return account
}

/** The tokens of every form, as another browser got them. */
async function tokensOfStrangers(app: Running): Promise<string[]> {
  const pages = await Promise.all(PAGES.map(({ open }) => open(app)))
  return pages.flatMap(({ forms }) => forms.map(({ token }) => token))
}

/** Who is signed in, what was granted, which sign-ins are under way and how far, and what was recorded. */
async function stateOf({ nodes: [node], dataDir }: Running): Promise<Record<string, unknown>> {
  if (node === undefined) throw new TypeError('no node')
  await node.audit.settled()
  const { store } = node
  const list = (kind: string) => keysInFile(dataDir, kind)
  const read = (kind: string) => store.getMany(list(kind))
  return {
    // Asking whether to sign out is noted in the session, so only which there are counts.
    sessions: [list('session'), list('session-id')],
    grants: await read('grant'),
    consents: await read('consent'),
    interactions: await read('interaction'),
    audit: (await node.audit.read(undefined, 10_000)).length,
  }
}

function cookiesOf({ cookies }: Opened['agent']): string {
  return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
}
