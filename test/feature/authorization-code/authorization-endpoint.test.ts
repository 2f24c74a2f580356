import { generateKeyPairSync } from 'node:crypto'
import { decodeJwt, SignJWT } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'

import { type Running, start } from '../../support/start.ts'
import {
  authorizationUrl,
  createUserAgent,
  formsOf,
  newPkce,
  redeem,
  signIn,
  type UserAgent,
} from '../../support/user-agent.ts'
import {
  type Answer,
  authorizationParams,
  authorize,
  expectErrorAtClient,
  expectPageWithoutRedirect,
  form,
  newCode,
  read,
  signedIn,
  SPA_CALLBACK,
  unsigned,
} from '../../support/requests.ts'
import { expectFigure } from '../../support/figures.ts'

const BOB = { login: 'bob@example.com', password: 'a-password-of-bob-2026' }

describe('the authorization endpoint', () => {
  let app: Running
  let alice: UserAgent
  beforeAll(async () => {
    app = await start({ clients: [{ clientId: 'stranger', redirectUris: ['http://localhost:4012/callback'] }] })
    alice = await signedIn(app)
    await app.nodes[0]?.accounts.createAccount({ ...BOB, claims: {} })
  })
  afterAll(() => app.close())
  afterEach(() => vi.useRealTimers())

  async function discovery(): Promise<Record<string, unknown>> {
    const response = await fetch(`${app.issuer}/.well-known/openid-configuration`)
    return (await response.json()) as Record<string, unknown>
  }

  async function idTokenOf(agent: UserAgent, options = {}): Promise<string> {
    const { code, pkce } = await newCode(agent, options)
    const { body } = await redeem(app.issuer, code, pkce)
    return body.id_token as string
  }

  it('[S1] shows an unknown client a page that neither redirects nor repeats what it was sent (RFC 6749 4.1.2.1)', async () => {
    const answer = await authorize(createUserAgent(app), { client_id: '"><script>alert(1)</script>' })

    expectPageWithoutRedirect(answer)
    expect(answer.text).not.toContain('<script>alert')
  })

  it.each(['token', 'id_token', 'id_token token', 'code token', 'code id_token', 'code id_token token', 'none'])(
    '[S2] does not know the response type %s (RFC 9700 2.1.2)',
    async (responseType) => {
      const { location } = await authorize(alice, { response_type: responseType, nonce: 'n' })

      const response = new URLSearchParams(location?.hash.slice(1) || location?.search)
      expect(location?.href).toMatch(/^http:\/\/localhost:4011\/callback[?#]/)
      expect(response.get('error')).toBe('unsupported_response_type')
      expect([...response.keys()].sort()).toEqual(['error', 'error_description', 'iss', 'state'])
      expect((await discovery()).response_types_supported).toEqual(['code'])
      expect((await discovery()).grant_types_supported).not.toContain('implicit')
    },
  )

  describe('[S3] a parameter that is there twice or missing (RFC 6749 3.1)', () => {
    it.each(['client_id', 'redirect_uri'])('never redirects for %s', async (name) => {
      const { [name]: good } = authorizationParams({})

      expectPageWithoutRedirect(await authorize(alice, { [name]: [good as string, good as string] }))
      expectPageWithoutRedirect(await authorize(alice, { [name]: undefined }))
      expectPageWithoutRedirect(await authorize(alice, { [name]: ['https://evil.example/', good as string] }))
    })

    it.each(
      Object.keys(authorizationParams({})).concat('prompt', 'nonce', 'max_age', 'response_mode', 'id_token_hint'),
    )('refuses %s twice', async (name) => {
      const { [name]: good = 'a-value' } = authorizationParams({})

      const answer = await authorize(alice, { [name]: [good as string, good as string] })

      if (answer.location === undefined) expectPageWithoutRedirect(answer)
      else expectErrorAtClient(answer, 'invalid_request')
    })

    it('refuses a request without response_type or code_challenge', async () => {
      expectErrorAtClient(await authorize(alice, { response_type: undefined }), 'invalid_request')
      expectErrorAtClient(await authorize(alice, { code_challenge: undefined }), 'invalid_request')
    })
  })

  it('[S4] ignores a parameter that it does not know (RFC 6749 3.1)', async () => {
    const { location } = await authorize(alice, { whatever: ['one', 'two'], 'a[b]': 'c', __proto__x: '1' })

    expect(location?.searchParams.get('code')).toBeTruthy()
  })

  describe('[S5] says who answers (RFC 9207)', () => {
    it('in success and error, in every response mode', async () => {
      for (const params of [{}, { response_type: 'nothing' }]) {
        const byQuery = await authorize(alice, { ...params, response_mode: 'query' })
        expect(byQuery.location?.searchParams.getAll('iss')).toEqual([app.issuer])

        const byPost = await authorize(alice, { ...params, response_mode: 'form_post' })
        expect(formsOf(byPost.text)[0]?.hidden).toMatchObject({ iss: app.issuer })
      }
    })

    it('and discovery says that it does', async () => {
      expect(await discovery()).toMatchObject({
        issuer: app.issuer,
        authorization_response_iss_parameter_supported: true,
      })
    })
  })

  describe('[S6] gives `state` back exactly, or refuses the request', () => {
    const states = {
      unicode: 'ä€😀‮x',
      '2,000 characters': 'x'.repeat(2000),
      'plus, percent, ampersand': 'a+b%2Bc&d=e%00;f #g?h',
      'quotes and markup': `"'><script>alert(1)</script>`,
      empty: '',
      'a zero byte': 'a\u0000b',
      'line ends': 'a\nb\r\nc\rd',
      'a lone surrogate, as replacement character': 'a\ufffdb',
    }

    it.each(Object.entries(states))('%s', async (_name, state) => {
      const byQuery = await authorize(alice, { state })
      const returned = byQuery.location?.searchParams
      if (returned?.has('code')) expect(returned.get('state') ?? '').toBe(state)
      else expectErrorAtClient(byQuery, 'invalid_request')

      const byPost = await authorize(alice, { state, response_mode: 'form_post' })
      const fields = formsOf(byPost.text)[0]?.hidden
      // A browser would change these on their way through a form (HTML, sections 13.2.5.36 and 4.10.21.4).
      if (fields?.code !== undefined) {
        expect(fields.state ?? '').toBe(state)
        expect(state).not.toMatch(/[\0\r\n]/)
      } else expect(fields?.error).toBe('invalid_request')
    })
  })

  it('[S7] answers login and consent with 303, so that no browser posts the password again (RFC 9700 4.12)', async () => {
    const agent = createUserAgent(app)
    const statuses: number[] = []
    let response = await agent.get(authorizationUrl(newPkce()))
    for (let step = 0; step < 10; step++) {
      const location = response.headers.get('location')
      if (location !== null) {
        statuses.push(response.status)
        if (location.startsWith(SPA_CALLBACK)) break
        response = await agent.get(location)
        continue
      }
      const page = { address: '', status: response.status, html: await response.text(), headers: response.headers }
      const login = page.html.includes('name="password"')
      response = login
        ? await agent.submit(page, '/login', { login: BOB.login, password: BOB.password })
        : await agent.submit(page, '/consent')
      expect(response.headers.get('location')).toMatch(/\/authorize\/[\w-]+$/)
    }

    expect(statuses).toHaveLength(5)
    expect(new Set(statuses)).toEqual(new Set([303]))
  })

  it.each(['fragment', 'web_message', 'query.jwt', 'no-such-mode'])(
    '[S8] refuses the response mode %s, which no client is allowed (OAuth 2.0 Multiple Response Types 2.1)',
    async (mode) => {
      const answer = await authorize(alice, { response_mode: mode })

      expect(answer.location?.href).not.toContain('code=')
      const response = new URLSearchParams(answer.location?.hash.slice(1) || answer.location?.search)
      expect(response.get('error')).toBe('invalid_request')
      expect((await discovery()).response_modes_supported).toEqual(['query', 'form_post', 'fragment'])
    },
  )

  describe('[S9] prompt=none (OpenID Connect Core 3.1.2.1)', () => {
    it('without a session needs a login', async () => {
      expectErrorAtClient(await authorize(createUserAgent(app), { prompt: 'none' }), 'login_required')
    })

    it('with a session but without consent needs consent', async () => {
      const callback = 'http://localhost:4012/callback'

      const answer = await authorize(alice, { client_id: 'stranger', redirect_uri: callback, prompt: 'none' })

      expectErrorAtClient(answer, 'consent_required', callback)
    })

    it('together with another prompt is no request', async () => {
      expectErrorAtClient(await authorize(alice, { prompt: 'none login' }), 'invalid_request')
      expectErrorAtClient(await authorize(alice, { prompt: 'consent none' }), 'invalid_request')
    })

    it('with session and consent gives a code', async () => {
      const { location } = await authorize(alice, { prompt: 'none' })

      expect(location?.searchParams.get('code')).toBeTruthy()
    })
  })

  describe('[S10] max_age', () => {
    it('0 asks for the password again, and auth_time is of now', async () => {
      const agent = await signedIn(app)
      const before = Math.floor(Date.now() / 1000)
      vi.useFakeTimers({ toFake: ['Date'] })
      vi.setSystemTime((before + 30) * 1000)
      const pkce = newPkce()
      const asked = await agent.follow(await agent.get(authorizationUrl(pkce, { params: { max_age: '0' } })))
      expect(asked.page?.html).toContain('name="password"')

      const { code, pkce: used } = await newCode(agent, { params: { max_age: '0' } })
      const { body } = await redeem(app.issuer, code, used)

      const { auth_time: authTime } = decodeJwt(body.id_token as string)
      expect(Math.abs(Number(authTime) - (before + 30))).toBeLessThan(5)
    })

    it('asks again when the login is older, and not when it is younger', async () => {
      const agent = await signedIn(app)
      const young = await authorize(agent, { max_age: '60', prompt: 'none' })
      expect(young.location?.searchParams.get('code')).toBeTruthy()

      vi.useFakeTimers({ toFake: ['Date'] })
      vi.setSystemTime(Date.now() + 61_000)

      expectErrorAtClient(await authorize(agent, { max_age: '60', prompt: 'none' }), 'login_required')
    })

    it.each(['-1', '1.5', 'x', '1e400', ''])('"%s" is no age', async (maxAge) => {
      const { location } = await authorize(alice, { max_age: maxAge })

      // An empty parameter counts as absent (RFC 6749 section 3.1).
      if (maxAge === '') expect(location?.searchParams.get('code')).toBeTruthy()
      else expect(location?.searchParams.get('error')).toBe('invalid_request')
    })
  })

  describe('[S11] id_token_hint', () => {
    it('of another person needs a login', async () => {
      const hint = await idTokenOf(createUserAgent(app), { account: BOB })

      expectErrorAtClient(await authorize(alice, { id_token_hint: hint, prompt: 'none' }), 'login_required')
    })

    it('of the same person is served', async () => {
      const { location } = await authorize(alice, { id_token_hint: await idTokenOf(alice), prompt: 'none' })

      expect(location?.searchParams.get('code')).toBeTruthy()
    })

    it('unsigned, altered or signed with a foreign key is an error', async () => {
      const good = await idTokenOf(alice)
      const claims = decodeJwt(good)
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
      const foreign = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256' }).sign(privateKey)
      const [header, , signature] = good.split('.')
      const altered = [
        header,
        Buffer.from(JSON.stringify({ ...claims, sub: 'usr_other' })).toString('base64url'),
        signature,
      ]

      for (const hint of [unsigned(claims), foreign, altered.join('.'), 'no-token', `${good}x`]) {
        expectErrorAtClient(await authorize(alice, { id_token_hint: hint, prompt: 'none' }), 'invalid_request')
      }
    })
  })

  describe('[S12] a request too large', () => {
    const many = (count: number) => Array.from({ length: count }, (_, index) => `s${index.toString(36)}`).join(' ')

    /** By GET, by POST, and pushed by the application. */
    async function send(way: string, params: Record<string, string>): Promise<Answer> {
      const body = form(authorizationParams(params))
      if (way === 'GET') return read(await alice.get(`/authorize?${body.toString()}`))
      return read(await fetch(app.issuer + way, { method: 'POST', body, redirect: 'manual' }))
    }

    it.each([
      ['GET', 'scope with 5,000 values', { scope: many(5000).slice(0, 12_000) }, [400]],
      ['GET', 'state of 10 kB', { state: 'x'.repeat(10_000) }, [400]],
      ['/authorize', 'scope with 10,000 values', { scope: many(10_000) }, [400, 413]],
      ['/authorize', 'scope of 50 kB', { scope: 'x'.repeat(50_000) }, [400, 413]],
      ['/authorize', 'claims of 50 kB', { claims: JSON.stringify({ id_token: many(10_000) }) }, [400, 413]],
      ['/authorize', 'state of 50 kB', { state: 'x'.repeat(50_000) }, [400, 413]],
      ['/par', 'scope with 10,000 values', { scope: many(10_000) }, [400]],
      ['/par', 'scope of 50 kB', { scope: 'x'.repeat(50_000) }, [400]],
      ['/par', 'state of 50 kB', { state: 'x'.repeat(50_000) }, [400]],
    ])('is refused: by %s, %s', async (way, _name, params, statuses) => {
      const { status, location } = await send(way, params)

      expect(statuses).toContain(status)
      expect(location).toBeUndefined()
    })

    it.each(['/authorize', '/par'])('costs %s no more than its length: ten times the scopes', async (way) => {
      const least = async (params: Record<string, string>) => {
        const runs: number[] = []
        for (let run = 0; run < 5; run++) {
          const before = process.cpuUsage()
          await send(way, params)
          const { user, system } = process.cpuUsage(before)
          runs.push((user + system) / 1000)
        }
        return Math.min(...runs)
      }
      await least({ scope: many(100) })

      const small = await least({ scope: many(1000) })
      const large = await least({ scope: many(10_000) })

      // Ten times as long is ten times the work; by the square it would be a hundred times.
      expect(large).toBeLessThan(30 * small + 200)
      expectFigure('ms of work for 10,000 scopes', large, 10 * small + 50)
    })
  })

  it('signs in anew who was signed out elsewhere', async () => {
    const agent = createUserAgent(app)
    await signIn(agent, newPkce())
    agent.cookies.clear()

    expectErrorAtClient(await authorize(agent, { prompt: 'none' }), 'login_required')
  })
})
