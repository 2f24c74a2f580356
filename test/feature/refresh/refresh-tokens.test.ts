/** What a refresh token is, how long it lives, and what a person has to say before it outlives the session. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'

import { newProofKey } from '../dpop/dpop-proofs.ts'
import { type Running, start, type StartOptions } from '../../support/start.ts'
import { createUserAgent, refresh, signIn, newPkce } from '../../support/user-agent.ts'
import {
  ASSERTION_TYPE,
  authorize,
  CALLBACK,
  expectErrorAtClient,
  keyed,
  newCode,
  type Params,
  post,
  redemption,
  signedIn,
} from '../../support/requests.ts'

const DISCONNECTED = 'Stay connected when you are not here'
const OFFLINE = 'openid orders:read offline_access'

afterEach(() => {
  vi.useRealTimers()
})

async function running(options: StartOptions = {}): Promise<Running> {
  const app = await start(options)
  onTestFinished(() => app.close())
  return app
}

describe('[S67] offline_access of a third-party client (OpenID Connect Core section 11)', () => {
  it('is granted in silence only to a client that the person has given it', async () => {
    const app = await running()
    const agent = await signedIn(app)

    expectErrorAtClient(await authorize(agent, { scope: OFFLINE, prompt: 'none' }), 'consent_required')

    await newCode(agent, { scope: OFFLINE })
    const { body } = await post(
      `${app.issuer}/token`,
      redemption(await newCode(agent, { scope: OFFLINE, params: { prompt: 'none' } })),
    )
    expect(String(body.scope).split(' ').sort()).toEqual(['offline_access', 'openid', 'orders:read'])
  })

  it('is asked on a page each time that the client says prompt=consent, and not granted before the person agrees', async () => {
    const app = await running()
    const agent = await signedIn(app)
    for (let time = 0; time < 2; time++) {
      const before = await authorize(agent, { scope: OFFLINE, prompt: 'consent' })
      expect(before.location?.searchParams.has('code')).toBe(false)
      const { page } = await agent.follow(await agent.get(before.location?.pathname ?? ''))

      expect(page?.html).toContain(DISCONNECTED)

      const { left } = await agent.follow(await agent.submit(page as NonNullable<typeof page>, '/consent'))
      expect(left?.searchParams.has('code')).toBe(true)
    }
  })

  it('is not granted to who declines', async () => {
    const app = await running()
    const agent = await signedIn(app)
    const { location } = await authorize(agent, { scope: OFFLINE, prompt: 'consent' })
    const { page } = await agent.follow(await agent.get(location?.pathname ?? ''))

    const { left } = await agent.follow(await agent.submit(page as NonNullable<typeof page>, '/abort'))

    expect(left?.searchParams.get('error')).toBe('access_denied')
    expect(left?.searchParams.has('code')).toBe(false)
  })

  it('cannot be had silently', async () => {
    const app = await running()
    const agent = await signedIn(app)

    expectErrorAtClient(await authorize(agent, { scope: OFFLINE, prompt: 'none consent' }), 'invalid_request')
  })

  it.each([
    ['without it a refresh token ends with the session', 'openid orders:read', {}, 'invalid_grant'],
    ['with it, it lives on', OFFLINE, { prompt: 'consent' }, undefined],
  ])('%s', async (_name, scope, params, error) => {
    const app = await running()
    const agent = await signedIn(app)
    const { body } = await post(`${app.issuer}/token`, redemption(await newCode(agent, { scope, params })))
    const { page } = await agent.follow(await agent.get('/logout'))
    await agent.submit(page as NonNullable<typeof page>, '/logout/confirm', { logout: 'yes' })

    expect((await refresh(app.issuer, String(body.refresh_token))).body.error).toBe(error)
  })
})

describe('[S65] the refresh token of a confidential client that proves a key and never rotates (FAPI 2.0)', () => {
  it('stays the same with each use, and ends in the end though it is used all the time', async () => {
    const fapi = keyed('fapi')
    const lifetimes = (config: Running['config']) => ({
      ...config.lifetimes,
      refreshTokenIdleSeconds: 250,
      refreshTokenSeconds: 250,
    })
    const plain = await running()
    const app = await running({
      clients: [{ ...fapi.settings, refreshRotation: 'never', apis: { 'https://orders.example': ['orders:read'] } }],
      config: { lifetimes: lifetimes(plain.config) },
    })
    const key = await newProofKey()
    const ask = async (params: Params) => {
      const client_assertion = await fapi.assertion(app.issuer)
      const headers = { dpop: await key.prove(`${app.issuer}/token`) }
      return post(
        `${app.issuer}/token`,
        { client_assertion_type: ASSERTION_TYPE, client_assertion, ...params },
        headers,
      )
    }
    const granted = await newCode(await signedIn(app), { clientId: 'fapi', redirectUri: CALLBACK })
    const { body } = await ask(redemption(granted, { client_id: 'fapi', redirect_uri: CALLBACK }))
    const refresh_token = String(body.refresh_token)
    const begun = Date.now()
    vi.useFakeTimers({ toFake: ['Date'] })

    for (const seconds of [1, 90, 180, 240]) {
      vi.setSystemTime(begun + seconds * 1000)
      const answer = await ask({ grant_type: 'refresh_token', refresh_token })
      expect(answer.status, `${seconds} s: ${answer.text}`).toBe(200)
      expect(answer.body.refresh_token).toBe(refresh_token)
    }

    // The engine allows 15 s for clocks of different nodes.
    vi.setSystemTime(begun + 267_000)
    expect((await ask({ grant_type: 'refresh_token', refresh_token })).body.error).toBe('invalid_grant')
  })
})

describe('[S68] a refresh token', () => {
  it('has 256 random bits, and the store knows its hash alone', async () => {
    const app = await running()
    const agent = await signedIn(app)
    const tokens: string[] = []
    for (let count = 0; count < 20; count++) {
      const { body } = await post(`${app.issuer}/token`, redemption(await newCode(agent)))
      tokens.push(String(body.refresh_token))
    }

    const random = tokens.map((token) => /^r[\w-]{24}[0-9a-f]{7}([\w-]{43})$/.exec(token)?.[1] ?? '')
    expect(random.map((part) => Buffer.from(part, 'base64url').length)).toEqual(tokens.map(() => 32))
    expect(new Set(random).size).toBe(tokens.length)
    // Each character differs among twenty random ones; one that never does is not random.
    for (let at = 0; at < 42; at++) expect(new Set(random.map((part) => part[at])).size, `${at}`).toBeGreaterThan(1)
    const files = (await readdir(app.dataDir)).filter((name) => name.startsWith('grantor.db'))
    const stored = Buffer.concat(await Promise.all(files.map((name) => readFile(join(app.dataDir, name)))))
    expect(stored.includes('refresh:{')).toBe(true)
    for (const part of random) expect(stored.includes(part.slice(0, 20))).toBe(false)
  })
})

describe('[S57] the subject of a client that asks for a pairwise one (OpenID Connect Core section 8.1)', () => {
  it('is another in another sector, the same in the same, and tells nothing of the account', async () => {
    const pairwise = (clientId: string, host: string) => ({
      clientId,
      subjectType: 'pairwise' as const,
      firstParty: true,
      redirectUris: [`https://${host}/callback`],
      scopes: ['openid'],
      apis: { 'https://orders.example': ['orders:read'] },
    })
    const app = await running({
      clients: [pairwise('one', 'one.example'), pairwise('two', 'two.example'), pairwise('one-more', 'one.example')],
    })
    const agent = createUserAgent(app)
    await signIn(agent, newPkce())
    const subjects = new Map<string, unknown[]>()
    for (const [clientId, host] of [
      ['one', 'one.example'],
      ['two', 'two.example'],
      ['one-more', 'one.example'],
    ] as const) {
      const redirectUri = `https://${host}/callback`
      const granted = await newCode(agent, { clientId, redirectUri })
      const { body } = await post(
        `${app.issuer}/token`,
        redemption(granted, { client_id: clientId, redirect_uri: redirectUri }),
      )
      const claims = [body.id_token, body.access_token].map((token) =>
        JSON.parse(Buffer.from(String(token).split('.')[1] ?? '', 'base64url').toString()),
      )
      const userinfo = await fetch(`${app.issuer}/userinfo`, {
        headers: { authorization: `Bearer ${String(body.access_token)}` },
      })
      subjects.set(clientId, [...claims.map(({ sub }) => sub), ((await userinfo.json()) as { sub: string }).sub])
    }

    const account = await app.nodes[0]?.accounts.findAccountByLogin('alice@example.com')
    for (const [clientId, seen] of subjects) expect(new Set(seen).size, `${clientId} ${seen}`).toBe(1)
    const [one, two, oneMore] = [...subjects.values()].map(([sub]) => String(sub))
    expect(oneMore).toBe(one)
    expect(two).not.toBe(one)
    for (const sub of [one, two]) expect(sub).toMatch(/^[\w-]{43}$/)
    for (const sub of [one, two]) expect(sub).not.toContain(account?.id)
  })
})
