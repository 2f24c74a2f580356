import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'

import { ALICE, type PagesApp, startPages } from './pages-app.ts'

type Begun = ReturnType<PagesApp['begin']>
type Fields = Record<string, string>

async function get({ address, cookie }: Begun): Promise<{ response: Response; html: string }> {
  const response = await fetch(address, { headers: { cookie } })
  return { response, html: await response.text() }
}

/** The form token that the page of this interaction carries for this action. */
async function tokenFor(begun: Begun, action: string): Promise<string> {
  const { html } = await get(begun)
  const form = html.slice(html.indexOf(`/${action}">`))
  return /name="csrf" value="([^"]+)"/.exec(form)?.[1] ?? ''
}

async function post({ address, cookie }: Begun, action: string, fields: Fields, headers: Fields = {}) {
  return fetch(`${address}/${action}`, {
    method: 'POST',
    headers: { cookie, ...headers },
    body: new URLSearchParams(fields),
    redirect: 'manual',
  })
}

async function logIn(begun: Begun, login: string, password: string) {
  return post(begun, 'login', { csrf: await tokenFor(begun, 'login'), login, password })
}

const CONSENT = {
  prompt: 'consent',
  asked: {
    scopes: ['openid', 'email', 'offline_access'],
    apis: [
      {
        audience: 'https://orders.example',
        name: 'Orders',
        scopes: [{ scope: 'orders:read', sentence: 'See orders' }],
      },
    ],
  },
} as const

describe('the login page', () => {
  it('names the application and carries over what it guesses as login, escaped', async () => {
    const app = await startPages()

    const { response, html } = await get(app.begin({ loginHint: '"><script>alert(1)</script>' }))

    expect(response.status).toBe(200)
    expect(html).toContain('<bdi>The Shop</bdi>')
    expect(html).toContain('value="&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"')
    expect(html).toContain('autocomplete="username"')
    expect(html).toContain('autocomplete="current-password"')
  })

  it('signs in with the right password, and continues by 303 [S7]', async () => {
    const app = await startPages()
    const begun = app.begin()

    const response = await logIn(begun, ALICE.login, ALICE.password)

    expect(response.status).toBe(303)
    expect(response.headers.get('location')).toMatch(/\/authorize\/uid-\d+$/)
    expect(app.engineCalls).toEqual([expect.stringContaining(`login as ${app.alice.id}`)])
  })

  it('says the same of an unknown account and a wrong password, keeps the login and forgets the password', async () => {
    const app = await startPages()
    const begun = app.begin()

    const wrong = await logIn(begun, ALICE.login, 'not-her-password')
    const unknown = await logIn(begun, 'nobody@example.com', 'not-her-password')

    expect([wrong.status, unknown.status]).toEqual([401, 401])
    const [wrongHtml, unknownHtml] = [await wrong.text(), await unknown.text()]
    expect(wrongHtml).toContain(`value="${ALICE.login}"`)
    expect(wrongHtml).not.toContain('not-her-password')
    expect(withoutNonce(wrongHtml)).toBe(withoutNonce(unknownHtml).replace('nobody@example.com', ALICE.login))
    expect(app.engineCalls).toEqual([])
  })

  it('asks for the field that is missing', async () => {
    const app = await startPages()

    const response = await logIn(app.begin(), ALICE.login, '')

    expect(response.status).toBe(400)
    expect(await response.text()).toContain('<a href="#password">Enter your password.</a>')
  })

  it('says when to come back after too many attempts', async () => {
    const app = await startPages({ attemptsPerAccount: 1 })
    const begun = app.begin()
    await logIn(begun, ALICE.login, 'wrong')

    const response = await logIn(begun, ALICE.login, ALICE.password)

    expect(response.status).toBe(429)
    expect(response.headers.get('retry-after')).toBe('300')
    expect(await response.text()).toContain('try again in 5 minutes')
  })

  it('says that many are signing in when the queue is full', async () => {
    const app = await startPages({ waitingHashes: 0 })
    const begun = app.begin()
    const csrf = await tokenFor(begun, 'login')
    const fields = { csrf, login: ALICE.login, password: ALICE.password }

    const responses = await Promise.all(Array.from({ length: 4 }, () => post(begun, 'login', fields)))

    const busy = responses.find(({ status }) => status === 503)
    expect(busy?.headers.get('retry-after')).toBe('2')
    expect(await busy?.text()).toContain('Many people are signing in')
  })

  it('tells the application no when the person cancels', async () => {
    const app = await startPages()
    const begun = app.begin()

    const response = await post(begun, 'abort', { csrf: await tokenFor(begun, 'abort') })

    expect(response.status).toBe(303)
    expect(app.engineCalls).toEqual([expect.stringMatching(/^abort/)])
  })
})

describe('the consent page', () => {
  it('names application, host, person, each scope, the API and how long it lasts [S130]', async () => {
    const app = await startPages()

    const { html } = await get(app.begin(CONSENT))

    for (const text of [
      'The Shop',
      'shop.example',
      'Alice Liddell',
      ALICE.login,
      'by an identifier',
      'e-mail address',
    ]) {
      expect(html).toContain(text)
    }
    for (const text of ['Stay connected when you are not here', 'Orders', 'See orders', 'at most 30 days']) {
      expect(html).toContain(text)
    }
  })

  it('says that access ends with the session when offline access is not asked for', async () => {
    const app = await startPages()

    const { html } = await get(app.begin({ ...CONSENT, asked: { scopes: ['openid'], apis: [] } }))

    expect(html).toContain('while you are signed in here, at most 8 hours')
  })

  it('shows a hostile client name as plain, short text in its own direction [S130]', async () => {
    const app = await startPages()
    const clientName = `\u202Egro.live\u2066\u0000<b>${'long'.repeat(5000)}`
    const client = { clientId: 'x', clientName, logoUri: undefined, redirectHost: 'shop.example' }

    const { html } = await get(app.begin({ ...CONSENT, client }))

    const [, shown = ''] = /<bdi>(gro[^<]*)<\/bdi>/.exec(html) ?? []
    expect(shown).toMatch(/^gro\.live&lt;b&gt;longlong[long]*…$/)
    expect(shown.replaceAll(/&.t;/g, '<')).toHaveLength(80)
    for (const mark of ['\u202E', '\u2066', '\u0000']) expect(html).not.toContain(mark)
  })

  it('grants what was asked, whatever scopes the form claims [S131]', async () => {
    const app = await startPages()
    const begun = app.begin(CONSENT)
    const csrf = await tokenFor(begun, 'consent')

    const response = await post(begun, 'consent', { csrf, scope: 'orders:write', scopes: 'admin' })

    expect(response.status).toBe(303)
    expect(app.engineCalls).toEqual([expect.stringMatching(/^consent uid/)])
    expect(await app.auditedEvents()).toContain('consent.granted')
  })

  it('records a refusal', async () => {
    const app = await startPages()
    const begun = app.begin(CONSENT)

    await post(begun, 'abort', { csrf: await tokenFor(begun, 'abort') })

    expect(app.engineCalls).toEqual([expect.stringMatching(/^abort/)])
    expect(await app.auditedEvents()).toContain('consent.denied')
  })

  it('is not a page for the login form of the same sign-in', async () => {
    const app = await startPages()
    const begun = app.begin()
    const csrf = await tokenFor(begun, 'login')
    app.begin({ ...CONSENT, uid: begun.cookie.replace('interaction=', '') })

    const response = await post(begun, 'login', { csrf, ...ALICE })

    expect(response.status).toBe(400)
    expect(app.engineCalls).toEqual([])
  })
})

describe('a form of ours', () => {
  const CASES = [
    { action: 'login', fields: ALICE, interaction: {} },
    { action: 'abort', fields: {}, interaction: {} },
    { action: 'consent', fields: {}, interaction: CONSENT },
    { action: 'abort', fields: {}, interaction: CONSENT },
  ]

  for (const { action, fields, interaction } of CASES) {
    const name = `${'prompt' in interaction ? 'consent' : 'login'} page, ${action}`

    it(`is refused without its token, or with that of another sign-in or purpose: ${name} [S116] [S131]`, async () => {
      const app = await startPages()
      const begun = app.begin(interaction)
      const another = await tokenFor(app.begin(interaction), action)
      const otherPurpose = await tokenFor(
        begun,
        action === 'abort' ? ('prompt' in interaction ? 'consent' : 'login') : 'abort',
      )

      for (const csrf of [undefined, '', 'x', another, otherPurpose, 'A'.repeat(43)]) {
        const response = await post(begun, action, csrf === undefined ? fields : { ...fields, csrf })
        expect(response.status).toBe(403)
        expect(await response.text()).toContain('form_forged')
      }
      expect(app.engineCalls).toEqual([])
    })

    it(`is refused when the browser says that another site sent it: ${name} [S116] [S131]`, async () => {
      const app = await startPages()
      const begun = app.begin(interaction)
      const csrf = await tokenFor(begun, action)

      const foreign: Fields[] = [
        { origin: 'https://evil.example' },
        { origin: 'null' },
        { origin: `${app.url}.evil.example` },
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
      ]
      for (const headers of foreign) {
        expect((await post(begun, action, { ...fields, csrf }, headers)).status).toBe(403)
      }
      expect(app.engineCalls).toEqual([])

      const own = await post(begun, action, { ...fields, csrf }, { origin: app.url, 'sec-fetch-site': 'same-origin' })
      expect(own.status).toBe(303)
    })

    it(`is refused in a browser that did not begin the sign-in: ${name} [S117] [S106]`, async () => {
      const app = await startPages()
      const begun = app.begin(interaction)
      const csrf = await tokenFor(begun, action)

      for (const cookie of ['', app.begin(interaction).cookie]) {
        const response = await post({ ...begun, cookie }, action, { ...fields, csrf })
        expect(response.status).toBe(400)
        expect(await response.text()).toContain('interaction_gone')
      }
      expect(app.engineCalls).toEqual([])
    })

    it(`changes nothing by GET: ${name} [S116]`, async () => {
      const app = await startPages()
      const begun = app.begin(interaction)
      const query = new URLSearchParams({ ...fields, csrf: await tokenFor(begun, action) })

      const response = await fetch(`${begun.address}/${action}?${query.toString()}`, {
        headers: { cookie: begun.cookie },
      })

      expect(response.status).toBe(405)
      expect(response.headers.get('allow')).toBe('POST')
      expect(app.engineCalls).toEqual([])
    })
  }

  it('shows no page to a browser that did not begin the sign-in [S106]', async () => {
    const app = await startPages()
    const begun = app.begin()

    const { response } = await get({ ...begun, cookie: app.begin().cookie })

    expect(response.status).toBe(400)
  })
})

describe('the body of a form', () => {
  const FORM = 'application/x-www-form-urlencoded'

  async function send(body: string | Uint8Array<ArrayBuffer>, headers: Fields): Promise<number> {
    const app = await startPages()
    const begun = app.begin()
    const response = await fetch(`${begun.address}/login`, {
      method: 'POST',
      headers: { cookie: begun.cookie, ...headers },
      body,
    })
    expect(await response.text()).toContain('body_refused')
    return response.status
  }

  it('is urlencoded UTF-8, uncompressed, or refused with 415', async () => {
    expect(await send('{}', { 'content-type': 'application/json' })).toBe(415)
    expect(await send('a=b', { 'content-type': 'text/plain' })).toBe(415)
    expect(await send('a=b', { 'content-type': 'multipart/form-data; boundary=x' })).toBe(415)
    expect(await send('a=b', { 'content-type': `${FORM}; charset=utf-16` })).toBe(415)
    expect(await send('a=b', { 'content-type': FORM, 'content-encoding': 'gzip' })).toBe(415)
  })

  it('has each field once, and no broken text', async () => {
    expect(await send('login=a&login=b', { 'content-type': FORM })).toBe(400)
    expect(await send(new Uint8Array([0x61, 0x3d, 0xff]), { 'content-type': FORM })).toBe(400)
  })

  it('is at most 16 KiB [S155]', async () => {
    expect(await send(`a=${'x'.repeat(16_384)}`, { 'content-type': FORM })).toBe(413)
  })

  it('is not read to its end when it has none [S155]', async () => {
    const app = await startPages()
    const begun = app.begin()

    const answer = await sendEndlessly(begun, FORM)

    expect(answer).toMatch(/^HTTP\/1.1 413 /)
    expect(answer.toLowerCase()).toContain('connection: close')
  })
})

/** Chunk after chunk until the server answers; fails after 4 MB without an answer. */
function sendEndlessly({ address, cookie }: Begun, kind: string): Promise<string> {
  const { hostname, port, pathname } = new URL(address)
  const socket = connect(Number(port), hostname)
  const chunk = `1000\r\n${'x'.repeat(0x1000)}\r\n`
  socket.write(`POST ${pathname}/login HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\nContent-Type: ${kind}\r\n`)
  socket.write('Transfer-Encoding: chunked\r\n\r\n')
  return new Promise((resolve, reject) => {
    let sent = 0
    const more = () => {
      if (sent++ > 1000) reject(new Error('the server reads for ever'))
      else socket.write(chunk, () => setImmediate(more))
    }
    more()
    socket.on('data', (data) => {
      resolve(data.toString())
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

describe('every page', () => {
  it('is stored nowhere, framed nowhere, and runs only what carries its nonce [S140]', async () => {
    const app = await startPages()
    const pages = [
      app.begin(),
      app.begin(CONSENT),
      { address: `${app.url}/`, cookie: '' },
      { address: `${app.url}/x`, cookie: '' },
    ]

    const nonces = new Set<string>()
    for (const begun of pages) {
      const { response, html } = await get(begun)
      const policy = response.headers.get('content-security-policy') ?? ''
      const [, nonce = ''] = /style-src 'nonce-([\w-]{22})'/.exec(policy) ?? []
      nonces.add(nonce)
      expect(policy).toContain("default-src 'none'")
      expect(policy).toContain("base-uri 'none'; frame-ancestors 'none'; object-src 'none'")
      expect(html).toContain(`nonce="${nonce}"`)
      expect(html).not.toMatch(/ on\w+=|style=|javascript:/)
      expect(response.headers.get('cache-control')).toBe('no-store')
    }
    expect(nonces.size).toBe(pages.length)
  })

  it('lets a sign-in end at the application and nowhere else [S141]', async () => {
    const app = await startPages()

    const web = await get(app.begin())
    const native = await get(app.begin({ redirectUri: 'com.example.app:/callback' }))
    const loopback = await get(app.begin({ redirectUri: 'http://[::1]:4711/callback' }))

    expect(formTargets(web.response)).toBe("form-action 'self' https://shop.example")
    expect(formTargets(native.response)).toBe("form-action 'self' com.example.app:")
    expect(formTargets(loopback.response)).toBe("form-action 'self' http:")
  })

  it('has a safe text and an id that leads to the log when something goes wrong', async () => {
    const app = await startPages()

    const response = await fetch(`${app.url}/interaction/none`)

    const [, id = ''] = /<dd><code>([0-9a-f]{10})</.exec(await response.text()) ?? []
    expect(response.status).toBe(400)
    expect(app.logged.filter((line) => line.includes(id))).toEqual([expect.stringContaining('interaction_gone')])
  })

  it('is a problem document for a program that asks for JSON', async () => {
    const app = await startPages()

    const response = await fetch(`${app.url}/nothing`, { headers: { accept: 'application/json' } })

    expect(response.status).toBe(404)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toMatchObject({ status: 404, code: 'not_found', title: 'Not Found' })
  })
})

describe('the landing page', () => {
  it('leads to the tour in development, and shows only the name in production', async () => {
    const development = await startPages()
    const production = await startPages({ production: true })

    expect(await (await fetch(development.url)).text()).toContain('/tour"')
    const html = await (await fetch(production.url)).text()
    expect(html).toContain('Grantor')
    expect(html).not.toMatch(/href="\/(tour|\.well-known)/)
    expect((await fetch(`${production.url}/tour`)).status).toBe(404)
  })
})

describe('the tour', () => {
  it('begins a code flow with PKCE, state and nonce, remembered in a cookie that no script reads', async () => {
    const app = await startPages()

    const response = await fetch(`${app.url}/tour`, { redirect: 'manual' })

    const location = new URL(response.headers.get('location') ?? '')
    expect(response.status).toBe(303)
    expect(location.pathname).toBe('/authorize')
    expect(Object.fromEntries(location.searchParams)).toMatchObject({
      client_id: 'grantor-tour',
      redirect_uri: `${app.url}/tour/callback`,
      response_type: 'code',
      code_challenge_method: 'S256',
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
    })
    expect(response.headers.get('set-cookie')).toMatch(/; Path=\/tour; Max-Age=600; HttpOnly; SameSite=Lax$/)
  })

  it('uses no answer to another request or from another issuer (RFC 9207)', async () => {
    const app = await startPages()
    const begun = await fetch(`${app.url}/tour`, { redirect: 'manual' })
    const cookie = begun.headers.get('set-cookie')?.split(';')[0] ?? ''
    const state = new URL(begun.headers.get('location') ?? '').searchParams.get('state') ?? ''
    const answer = { error: 'access_denied', state, iss: app.url }

    const callBack = async (fields: Fields, headers: Fields = { cookie }) => {
      const response = await fetch(`${app.url}/tour/callback?${new URLSearchParams(fields).toString()}`, { headers })
      return response.status
    }

    expect(await callBack({ ...answer, state: 'another' })).toBe(400)
    expect(await callBack({ ...answer, iss: 'https://evil.example' })).toBe(400)
    expect(await callBack({ error: 'access_denied', state })).toBe(400)
    expect(await callBack(answer, {})).toBe(400)
    expect(await callBack(answer)).toBe(200)
  })
})

describe('assets', () => {
  it('are kept by browsers for a year under the hash of their content, and nothing else is served', async () => {
    const app = await startPages()
    const [stylesheet = ''] = /\/assets\/grantor-[0-9a-f]{12}\.css/.exec(await (await fetch(app.url)).text()) ?? []

    const response = await fetch(app.url + stylesheet)

    expect(response.headers.get('content-type')).toBe('text/css; charset=utf-8')
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    for (const file of ['grantor.css', '..%2fpages%2flogin.ejs', '__proto__', 'constructor']) {
      expect((await fetch(`${app.url}/assets/${file}`)).status).toBe(404)
    }
  })
})

function withoutNonce(html: string): string {
  return html.replaceAll(/nonce="[^"]+"/g, '')
}

function formTargets(response: Response): string | undefined {
  return response.headers
    .get('content-security-policy')
    ?.split('; ')
    .find((part) => part.startsWith('form-action'))
}
