import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { listEngineRoutes } from '../../support/routes.ts'
import { type Running, start } from '../../support/start.ts'
import { createUserAgent, formsOf, type UserAgent } from '../../support/user-agent.ts'
import {
  type Answer,
  authorizationParams,
  authorize,
  basic,
  CALLBACK,
  confidential,
  expectPageWithoutRedirect,
  newCode,
  post,
  query,
  read,
  redemption,
  signedIn,
  SPA_CALLBACK,
} from '../../support/requests.ts'

const REGISTERED = 'https://app.example/callback'

/** What a browser, a proxy or a sloppy comparison could take for the registered one. */
const MUTATIONS = [
  'https://app.example/callback/',
  'https://app.example/Callback',
  'https://app.example/callback?',
  'https://app.example/callback?next=https://evil.example',
  'https://app.example/callback#',
  'https://app.example/callback#state=y',
  'https://app.example/callback/../callback',
  'https://app.example/x/../callback',
  'https://app.example/callback/..;/evil',
  'https://app.example/%2e%2e/callback',
  'https://app.example/%63allback',
  'https://app.example//callback',
  'https://app.example/callback%0d%0aSet-Cookie:%20a=b',
  'https://app.example/callback\r\nSet-Cookie: a=b',
  'https://app.example/call\tback',
  ' https://app.example/callback',
  'https://app.example/callback ',
  'https://app.example/callback%00',
  'https://app.example\\callback',
  'https:\\\\app.example\\callback',
  'https://app.example:443/callback',
  'https://app.example:8443/callback',
  'https://app.example./callback',
  'https://APP.example/callback',
  'HTTPS://app.example/callback',
  'http://app.example/callback',
  'https:/app.example/callback',
  '//app.example/callback',
  '/callback',
  'https://a@app.example/callback',
  'https://app.example@evil.example/callback',
  'https://a@b@app.example/callback',
  'https://evil.example/https://app.example/callback',
  'https://evil.example\\@app.example/callback',
  'https://app.example.evil.example/callback',
  'https://sub.app.example/callback',
  'https://аpp.example/callback', // a Cyrillic letter
  'https://xn--pp-7kc.example/callback',
  'https://app。example/callback', // an ideographic full stop, which browsers read as a dot
  'https://[::ffff:127.0.0.1]/callback',
  'javascript:alert(1)//https://app.example/callback',
  'https://app.example/callback?code=x',
  'https://app.example/callback?iss=x&state=y',
  '',
]

describe('redirect URIs', () => {
  let app: Running
  let alice: UserAgent
  beforeAll(async () => {
    app = await start({
      clients: [
        { clientId: 'app', redirectUris: [REGISTERED], postLogoutRedirectUris: [REGISTERED] },
        {
          clientId: 'native',
          applicationType: 'native',
          redirectUris: ['http://127.0.0.1/callback', 'http://[::1]/callback', 'com.example.app:/callback'],
        },
        confidential('web', { redirectUris: [CALLBACK, `${CALLBACK}/two`] }),
      ],
    })
    alice = await signedIn(app)
  })
  afterAll(() => app.close())

  function isServed({ status, location }: Answer): boolean {
    return status === 303 && location?.pathname.startsWith('/interaction/') === true
  }

  it('[S15] serves the registered URI, the one that the others differ from', async () => {
    expect(isServed(await authorize(alice, { client_id: 'app', redirect_uri: REGISTERED }))).toBe(true)
  })

  it.each(MUTATIONS)(
    '[S15] refuses %j without redirect, since it is not the registered text (RFC 9700 2.1)',
    async (uri) => {
      expectPageWithoutRedirect(await authorize(alice, { client_id: 'app', redirect_uri: uri }))
    },
  )

  it.each(MUTATIONS)('[S15] refuses %j whatever else is wrong with the request', async (uri) => {
    for (const wrong of [
      { response_type: 'token' },
      { scope: '"' },
      { prompt: 'none' },
      { response_mode: 'form_post' },
    ]) {
      const answer = await authorize(alice, { client_id: 'app', redirect_uri: uri, ...wrong })
      expectPageWithoutRedirect(answer)
      expect(answer.text).not.toContain('method="post"')
    }
  })

  describe('[S16] the port of a loopback address (RFC 8252 7.3)', () => {
    it.each(['http://127.0.0.1:51234/callback', 'http://[::1]:51234/callback', 'http://127.0.0.1/callback'])(
      'may differ for a native client: %s',
      async (uri) => {
        expect(isServed(await authorize(alice, { client_id: 'native', redirect_uri: uri }))).toBe(true)
      },
    )

    it.each([
      'http://127.0.0.1:51234/callback/',
      'http://127.0.0.1:51234/other',
      'http://127.0.0.1:51234/callback?a=b',
      'http://127.0.0.1:51234/callback#a',
      'https://127.0.0.1:51234/callback',
      'http://localhost:51234/callback',
      'http://127.0.0.2:51234/callback',
      'http://127.1:51234/callback',
      'http://0.0.0.0:51234/callback',
      'http://a@127.0.0.1:51234/callback',
      'http://127.0.0.1:51234@evil.example/callback',
      'http://127.0.0.1:99999/callback',
      'com.example.app:/callback2',
    ])('and nothing else: %s', async (uri) => {
      expectPageWithoutRedirect(await authorize(alice, { client_id: 'native', redirect_uri: uri }))
    })

    it.each(['http://localhost:5000/callback', 'http://localhost/callback', 'http://127.0.0.1:4011/callback'])(
      'is exact for a web client: %s',
      async (uri) => {
        expectPageWithoutRedirect(await authorize(alice, { redirect_uri: uri }))
      },
    )
  })

  describe('[S20] the redirect URI of the token request (RFC 6749 4.1.3)', () => {
    async function redeemWith(redirectUri: string | undefined): Promise<Awaited<ReturnType<typeof post>>> {
      const granted = await newCode(alice, { clientId: 'web', redirectUri: CALLBACK })
      const params = { client_id: undefined, redirect_uri: redirectUri }
      return post(`${app.issuer}/token`, redemption(granted, params), basic('web'))
    }

    it('is that of the authorization request', async () => {
      expect((await redeemWith(CALLBACK)).status).toBe(200)
    })

    it.each([`${CALLBACK}/two`, `${CALLBACK}/`, 'https://evil.example/', undefined])('is not %s', async (uri) => {
      const { status, body } = await redeemWith(uri)

      expect({ status, error: body.error }).toEqual({ status: 400, error: 'invalid_grant' })
    })
  })

  it('[S21] has to be sent, though one alone is registered', async () => {
    for (const scope of ['openid', 'orders:read']) {
      expectPageWithoutRedirect(await authorize(alice, { client_id: 'app', redirect_uri: undefined, scope }))
    }
  })

  describe('[S22] hostile values', () => {
    const PAYLOADS = [
      '"><script>alert(1)</script>',
      "'><img src=x onerror=alert(1)>",
      'javascript:alert(1)',
      '</form><form>',
    ]

    it.each(Object.keys(authorizationParams({})).concat('prompt', 'response_mode', 'login_hint', 'resource', 'claims'))(
      'are inert in %s',
      async (name) => {
        for (const payload of PAYLOADS) {
          for (const mode of ['query', 'form_post']) {
            const answer = await authorize(alice, { response_mode: mode, [name]: payload })

            const page = answer.text.replaceAll('</form>', '')
            expect(page).not.toContain('<img')
            expect(page).not.toMatch(/<script>|<\/script>.*<\/script>/s)
            expect(page).not.toMatch(/(href|src|action)="javascript:/i)
            expect(formsOf(answer.text).length).toBeLessThan(2)
            expect(answer.headers.get('content-security-policy')).toMatch(/default-src 'none'/)
            expect(answer.headers.get('content-security-policy')).not.toContain('unsafe')
          }
        }
      },
    )

    it('do not become a link to an unchecked address', async () => {
      const evil = 'https://evil.example/"onclick="'
      for (const params of [{ redirect_uri: evil }, { client_id: 'nobody', redirect_uri: evil }]) {
        const answer = await authorize(alice, params)
        expectPageWithoutRedirect(answer)
        expect(answer.text).not.toMatch(/(href|action|src|content)=["'][^"']*evil/i)
      }
    })
  })

  describe('[S23] the form_post page', () => {
    async function page(): Promise<Answer> {
      return authorize(alice, { response_mode: 'form_post', state: '"><script>' })
    }

    it('sends itself by a script with the nonce of its policy', async () => {
      const { status, headers, text } = await page()
      const policy = headers.get('content-security-policy') ?? ''
      const nonce = /script-src 'nonce-([\w-]+)'/.exec(policy)?.[1]

      expect(status).toBe(200)
      expect(nonce).toBeTruthy()
      expect([...text.matchAll(/<script\b([^>]*)>/g)].map(([, attributes]) => attributes?.trim())).toEqual([
        `nonce="${nonce}"`,
      ])
      expect((await page()).headers.get('content-security-policy')).not.toContain(nonce)
    })

    it('works by its button where no script runs', async () => {
      const { text } = await page()

      expect(text).toMatch(/<form\b[^>]*method="post"[\s\S]*<button type="submit"[\s\S]*<\/form>/)
    })

    it('goes to the registered address, and nowhere else, from no frame', async () => {
      const { headers, text } = await page()
      const policy = headers.get('content-security-policy') ?? ''

      expect(formsOf(text).map(({ action }) => action)).toEqual([SPA_CALLBACK])
      expect(policy).toContain("form-action 'self' http://localhost:4011;")
      expect(policy).toContain("frame-ancestors 'none'")
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
    })

    it('carries code, state and issuer', async () => {
      const [{ hidden } = { hidden: {} }] = formsOf((await page()).text)

      expect(hidden).toEqual({ code: expect.any(String), state: '"><script>', iss: app.issuer })
    })
  })

  describe('[S24] no route sends a browser to an unregistered address (RFC 9700 4.11)', () => {
    const NAMES =
      'url uri next return_to returnTo redirect redirect_to redirect_uri redirect_url target_link_uri continue goto post_logout_redirect_uri error_uri callback iss client_uri logo_uri request_uri RelayState'.split(
        ' ',
      )
    const EVIL = [
      'https://evil.example/',
      '//evil.example/',
      '/\\evil.example/',
      'https:evil.example',
      'javascript:alert(1)',
    ]
    const PAGES = ['/', '/tour', '/tour/callback', '/interaction/x', '/interaction/x/login', '/authorize/x', '/no-page']
    const ROUTES = [
      ...listEngineRoutes().flatMap(({ path, methods }) => methods.map((method) => [method, path] as const)),
      ...PAGES.map((path) => ['GET', path] as const),
      ...PAGES.map((path) => ['POST', path] as const),
    ]

    it.each(ROUTES)('%s %s', async (method, path) => {
      for (const evil of EVIL) {
        const params = Object.fromEntries(NAMES.map((name) => [name, evil]))
        for (const search of [query(params), query({ ...authorizationParams({}), ...params })]) {
          const response =
            method === 'GET'
              ? await alice.get(`${path}?${search}`)
              : await fetch(`${app.issuer}${path}?${search}`, {
                  method,
                  ...(method === 'POST' && { body: new URLSearchParams(search) }),
                  redirect: 'manual',
                })
          expectHome(await read(response))
        }
      }
    })

    it.each([
      '//evil.example',
      '//evil.example/%2e%2e',
      '/\\evil.example',
      '/%5cevil.example',
      '/.//evil.example',
      '/http://evil.example',
    ])('GET %s', async (path) => {
      expectHome(await read(await fetch(app.issuer + path, { redirect: 'manual' })))
    })

    it('after a logout neither, with a client or without', async () => {
      const agent = createUserAgent(app)
      for (const uri of [...EVIL, ...MUTATIONS.filter((one) => one !== '')]) {
        for (const client of ['app', 'native', undefined]) {
          const answer = await read(
            await agent.get(`/logout?${query({ post_logout_redirect_uri: uri, client_id: client })}`),
          )
          expectHome(answer)
          if (client !== undefined) expect(answer.status).toBe(400)
        }
      }
    })

    function expectHome({ location, text }: Answer): void {
      if (location !== undefined) {
        const home = [new URL(app.issuer).origin, 'http://relative.invalid', new URL(SPA_CALLBACK).origin]
        expect(home).toContain(location.origin)
      }
      expect(text).not.toMatch(/(href|action|src|content)=["'][^"']*evil/i)
    }
  })
})
