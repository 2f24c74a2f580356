/** Two tabs of one application, in one browser, at the same moment: both end well. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { CALLBACK, confidential, post, query, redemption, userinfo } from '../../support/requests.ts'
import { describeWithRedis, startRedis } from '../../support/redis.ts'
import { type Running, start, type StartOptions } from '../../support/start.ts'
import { createUserAgent, newPkce, type Page, type Pkce, signIn, type UserAgent } from '../../support/user-agent.ts'

const ROUNDS = 8
const APIS = { 'https://orders.example': ['orders:read', 'orders:write'] }
const CLIENTS: NonNullable<StartOptions['clients']> = [
  { clientId: 'ours', redirectUris: [CALLBACK], apis: APIS, firstParty: true },
  { clientId: 'theirs', redirectUris: [CALLBACK], apis: APIS },
  { clientId: 'pairwise', redirectUris: [CALLBACK], apis: APIS, subjectType: 'pairwise', firstParty: true },
  confidential('web', { apis: APIS, firstParty: true }),
]

function suite(open: () => Promise<StartOptions & { close?: () => Promise<void> }>): void {
  let app: Running
  let closeStore: (() => Promise<void>) | undefined
  beforeAll(async () => {
    const { close, ...options } = await open()
    closeStore = close
    app = await start({ nodes: 2, clients: CLIENTS, ...options })
  })
  afterAll(async () => {
    await app.close()
    await closeStore?.()
  })

  /** A browser in which Alice is signed in, at an application that has nothing to do with those here. */
  async function signedIn(): Promise<UserAgent> {
    let turn = 0
    const agent = createUserAgent(app, { node: () => turn++ % 2 })
    await signIn(agent, newPkce(), { scope: 'openid' })
    return agent
  }

  function addressFor(clientId: string, pkce: Pkce, scope: string, prompt?: string): string {
    const params = {
      client_id: clientId,
      redirect_uri: CALLBACK,
      response_type: 'code',
      scope,
      prompt,
      code_challenge: pkce.challenge,
      code_challenge_method: 'S256',
    }
    return `/authorize?${query(params)}`
  }

  async function redeemed(clientId: string, code: string | null | undefined, pkce: Pkce) {
    const params = redemption({ code: code ?? '', pkce }, { client_id: clientId, redirect_uri: CALLBACK })
    const { body, text } = await post(`${app.issuer}/token`, params)
    expect(body.access_token, text).toBeDefined()
    expect((await userinfo(app.issuer, body.access_token)).status).toBe(200)
    return body
  }

  it.each(['ours', 'pairwise'])('[A14] that sign in silently both get a code that works: %s', async (clientId) => {
    for (let round = 0; round < ROUNDS; round++) {
      const agent = await signedIn()
      const pkces = [newPkce(), newPkce()]

      const answers = await Promise.all(
        pkces.map((pkce, at) =>
          agent.get(addressFor(clientId, pkce, `openid orders:${at === 0 ? 'read' : 'write'}`, 'none')),
        ),
      )
      const codes = answers.map(({ headers }) => new URL(headers.get('location') ?? '').searchParams.get('code'))

      for (const [at, code] of codes.entries()) {
        const { scope } = await redeemed(clientId, code, pkces[at] as Pkce)
        // What each asked for stands in the one grant that they share.
        expect(scope).toBe(`openid orders:${at === 0 ? 'read' : 'write'}`)
      }
    }
  })

  it('[A14] both have one grant', async () => {
    const agent = await signedIn()
    const pkces = [newPkce(), newPkce()]
    const answers = await Promise.all(
      pkces.map((pkce) => agent.get(addressFor('ours', pkce, 'openid orders:read', 'none'))),
    )
    const codes = answers.map(({ headers }) => new URL(headers.get('location') ?? '').searchParams.get('code'))

    const tokens = await Promise.all(codes.map((code, at) => redeemed('ours', code, pkces[at] as Pkce)))

    const grants = tokens.map(
      ({ access_token: token }) => JSON.parse(atob(String(token).split('.')[1] ?? '')).gid as string,
    )
    expect(new Set(grants).size).toBe(1)
  })

  it('[A14] on whose consent pages the person agrees both go on', async () => {
    const account = { login: `${crypto.randomUUID()}@example.com`, password: 'looking-glass-2026' }
    await app.nodes[0]?.accounts.createAccount({ ...account, claims: {} })
    const agent = createUserAgent(app)
    await signIn(agent, newPkce(), { scope: 'openid', account })
    const pkces = [newPkce(), newPkce()]
    const pages: (Page | undefined)[] = []
    for (const pkce of pkces) {
      pages.push((await agent.follow(await agent.get(addressFor('theirs', pkce, 'openid orders:read')))).page)
    }

    const agreed = await Promise.all(pages.map((page) => agent.submit(page as Page, '/consent')))
    const arrivals = []
    for (const answer of agreed) arrivals.push(await agent.follow(answer))

    for (const [at, { left }] of arrivals.entries()) {
      await redeemed('theirs', left?.searchParams.get('code'), pkces[at] as Pkce)
    }
  })
}

describe('two tabs of one browser, at two nodes on one file', () => suite(async () => ({})))

describeWithRedis('two tabs of one browser, at two nodes on Redis', () =>
  suite(async () => {
    const redis = await startRedis()
    return { redisUrl: redis.url, close: () => redis.close() }
  }),
)
