/**
 * A server that loses its store, or its life, at one exact command: before the store did it, and after.
 *
 * A refresh token and its successor are one command, and so are a code and its refresh token, so nothing falls between
 * them; where the engine answers, a code is consumed by one command and its refresh token stored by the next. Whatever
 * happened, there is one token that works or none, and the person can sign in again.
 */

import { expect, it, onTestFinished, vi } from 'vitest'

import { systemClock } from '../../../src/base/clock.ts'
import { keys } from '../../../src/store/keys.ts'
import { openStore } from '../../../src/store/open-store.ts'
import type { Key } from '../../../src/store/store.ts'
import { describeWithRedis, startRedis } from '../../support/redis.ts'
import { type ServerProcesses, startProcesses } from '../../support/server-process.ts'
import { type Held, startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'
import {
  createUserAgent,
  newPkce,
  redeem,
  refresh,
  signIn,
  type TokenAnswer,
  type UserAgent,
} from '../../support/user-agent.ts'
import { within } from '../../support/figures.ts'

// The one command that names two refresh tokens: the one that is used and its successor.
const ROTATION = /refresh:\{[\s\S]*refresh:\{/
// The one command that names a code and its refresh token.
const SUCCESSION = /code:\{[\s\S]*refresh:\{/
// A code, and the name of the request that consumes it; the read before names the code alone.
const CODE_CONSUMED = /code:\{[\s\S]*[0-9a-f]{8}-[0-9a-f]{4}-4/
const REFRESH_TOKEN_STORED = /refresh:\{/

const REDIRECT_URI = 'http://localhost:4999/callback'
const ORDERS = 'https://orders.example'
const client = (client_id: string, idempotent_window: number) => ({
  client_id,
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: [REDIRECT_URI],
  apis: { [ORDERS]: ['orders:read'] },
  first_party: true,
  refresh: { idempotent_window },
})
const signInAs = (clientId: string) => ({ clientId, redirectUri: REDIRECT_URI, scope: 'openid orders:read' })

// Servers are started several times in a test, which a busy machine takes seconds for.
vi.setConfig({ testTimeout: 120_000 })

const FAULTS = {
  'before the store did it': (proxy: TcpProxy, command: RegExp) => proxy.hold(command),
  'after the store did it': (proxy: TcpProxy, command: RegExp) => proxy.holdReplyTo(command),
}
type Fault = keyof typeof FAULTS

/** A server that is cut off from its store, and one that dies. */
const ROWS = [
  ['F5', 'cut off', 'before the store did it'],
  ['F5', 'cut off', 'after the store did it'],
  ['F6', 'killed', 'before the store did it'],
  ['F6', 'killed', 'after the store did it'],
] as const

describeWithRedis('a refresh whose server is lost at the command that rotates', () => {
  it.for(ROWS)('[%s] %s %s: the client that asks again has one token that works', async ([, how, fault]) => {
    const fixture = await startFixture()
    const { token, grantId } = await fixture.signedIn('patient')

    expect(await fixture.wasLost(how, fault, ROTATION, () => refresh(fixture.url, token, 'patient'))).toBe(true)
    const again = await fixture.answered(() => refresh(fixture.url, token, 'patient'))

    expect(again.status).toBe(200)
    expect(await fixture.liveTokens(grantId)).toBe(1)
    expect((await refresh(fixture.url, String(again.body.refresh_token), 'patient')).status).toBe(200)
    await fixture.expectSignIn('patient')
  })

  it.for(ROWS)('[%s] %s %s, without an idempotent window: one token that works, or none', async ([, how, fault]) => {
    const fixture = await startFixture()
    const { token, grantId } = await fixture.signedIn('strict')

    expect(await fixture.wasLost(how, fault, ROTATION, () => refresh(fixture.url, token, 'strict'))).toBe(true)
    const again = await fixture.answered(() => refresh(fixture.url, token, 'strict'))

    // Asked twice for one token, with no window in which that may be honest, the server ends the family.
    const isLost = fault === 'after the store did it'
    expect(again).toMatchObject(isLost ? { status: 400, body: { error: 'invalid_grant' } } : { status: 200 })
    expect(await fixture.liveTokens(grantId)).toBe(isLost ? 0 : 1)
    await fixture.expectSignIn('strict')
  })
})

describeWithRedis(
  'a redemption whose server is lost at the command that consumes the code and stores its token',
  () => {
    it.for(ROWS)('[%s] %s %s: every valid token has a holder', async ([, how, fault]) => {
      const wasConsumed = fault === 'after the store did it'
      await expectNoTokenLeft({ how, fault, command: SUCCESSION, wasConsumed })
    })
  },
)

describeWithRedis('a redemption that the engine answers, whose server is lost', () => {
  it.for([
    ['F5', 'cut off', 'the consuming of the code,', 'after the store did it'],
    ['F6', 'killed', 'the consuming of the code,', 'before the store did it'],
    ['F6', 'killed', 'the consuming of the code,', 'after the store did it'],
    ['F6', 'killed', 'the storing of its refresh token,', 'before the store did it'],
    ['F6', 'killed', 'the storing of its refresh token,', 'after the store did it'],
  ] as const)('[%s] %s at %s %s: every valid token has a holder', async ([, how, at, fault]) => {
    const command = at === 'the consuming of the code,' ? CODE_CONSUMED : REFRESH_TOKEN_STORED
    const wasConsumed = command !== CODE_CONSUMED || fault === 'after the store did it'
    await expectNoTokenLeft({ how, fault, command, wasConsumed }, { fast_path: false })
  })
})

interface Loss {
  readonly how: 'cut off' | 'killed'
  readonly fault: Fault
  readonly command: RegExp
  readonly wasConsumed: boolean
}

async function expectNoTokenLeft({ how, fault, command, wasConsumed }: Loss, settings: object = {}): Promise<void> {
  const fixture = await startFixture(settings)
  // Redis knows the scripts afterwards; a first call by a name that it does not know does nothing yet.
  await fixture.signedIn('patient')
  const { before, redemption } = await lostRedemption()
  const again = await fixture.answered(redemption)

  expect(again).toMatchObject(wasConsumed ? { status: 400, body: { error: 'invalid_grant' } } : { status: 200 })
  expect((await fixture.liveTokensOfAll()) - before).toBe(wasConsumed ? 0 : 1)
  await fixture.expectSignIn('patient')

  // Soon after a start the server may read its clients again. It then leaves a redemption to the engine, which sends other
  // commands than the fast path. Such a redemption succeeds, so the next code is tried.
  async function lostRedemption() {
    for (let attempt = 0; attempt < 20; attempt++) {
      const before = await fixture.liveTokensOfAll()
      const { code, pkce } = await fixture.newCode('patient')
      const redemption = () => redeem(fixture.url, code, pkce, signInAs('patient'))
      if (await fixture.wasLost(how, fault, command, redemption)) return { before, redemption }
    }
    throw new Error(`no redemption sent a command like ${command}`)
  }
}

async function startFixture(settings: object = {}) {
  const redis = await startRedis()
  onTestFinished(() => redis.close())
  const proxy = await startTcpProxy(redis.port)
  onTestFinished(() => proxy.close())
  const clients = [client('patient', 60), client('strict', 0)]
  const nodes = await startProcesses({ redisUrls: [proxy.url], file: { clients, ...settings } })
  onTestFinished(() => nodes.close())
  const url = nodes.urls[0] as string

  async function newCode(clientId: string, agent: UserAgent = createUserAgent(nodes)) {
    const pkce = newPkce()
    const callback = await signIn(agent, pkce, signInAs(clientId))
    return { code: callback.get('code') ?? '', pkce }
  }

  async function signedIn(clientId: string): Promise<{ token: string; grantId: string }> {
    const { code, pkce } = await newCode(clientId)
    const { body } = await redeem(url, code, pkce, signInAs(clientId))
    const claims = JSON.parse(Buffer.from(String(body.access_token).split('.')[1] ?? '', 'base64url').toString())
    return { token: String(body.refresh_token), grantId: String(claims.gid) }
  }

  return {
    url,
    newCode,
    signedIn,
    answered: (ask: () => Promise<TokenAnswer>) => answered(ask),
    wasLost: (how: 'cut off' | 'killed', fault: Fault, command: RegExp, ask: () => Promise<TokenAnswer>) =>
      wasLost({ nodes, proxy, how, held: FAULTS[fault](proxy, command), ask }),
    liveTokens: (grantId: string) => liveTokens(redis.url, async () => [grantId]),
    liveTokensOfAll: () => liveTokens(redis.url, async () => grantIds(await redis.cli('KEYS', '*grant-members:{*'))),
    async expectSignIn(clientId: string) {
      const { token } = await signedIn(clientId)
      expect((await refresh(url, token, clientId)).status).toBe(200)
    },
  }
}

interface Interruption {
  readonly nodes: ServerProcesses
  readonly proxy: TcpProxy
  readonly how: 'cut off' | 'killed'
  readonly held: Held
  ask(): Promise<TokenAnswer>
}

/**
 * Sends the request, and loses the server when it sends the held command. The server is back when this resolves.
 *
 * `false`: the server answered without sending such a command, and was not lost.
 */
async function wasLost({ nodes, proxy, how, held, ask }: Interruption): Promise<boolean> {
  const answer = ask().then(
    ({ status }) => status,
    () => undefined,
  )
  const isReached = await Promise.race([held.reached.then(() => true), answer.then(() => false)])
  if (!isReached) {
    held.release()
    return false
  }
  if (how === 'killed') {
    await nodes.servers[0]?.kill()
    // The held command dies with its connection.
    expect(await answer).toBeUndefined()
    await nodes.servers[0]?.restart()
    return true
  }
  proxy.pause()
  expect(await answer).toBe(503)
  // The commands that the server sent in vain are gone with their connections.
  proxy.reset()
  proxy.resume()
  return true
}

/** The answer of the server once it has its store again. */
async function answered(ask: () => Promise<TokenAnswer>): Promise<TokenAnswer> {
  let answer: TokenAnswer | undefined
  const status = async () => {
    answer = await ask()
    return answer.status
  }
  await expect.poll(status, { timeout: 20_000 }).not.toBe(503)
  return answer as TokenAnswer
}

function grantIds(lines: string): string[] {
  return lines.split('\n').flatMap((line) => /grant-members:\{..\}:(.+)$/.exec(line)?.[1] ?? [])
}

/** How many refresh tokens of these grants could be used now. */
async function liveTokens(redisUrl: string, ofGrants: () => Promise<readonly string[]>): Promise<number> {
  const store = await openStore({ dataDir: '', redisUrl }, systemClock)
  try {
    await vi.waitFor(() => expect(store.status().ready).toBe(true), within(1000))
    let count = 0
    for (const grantId of await ofGrants()) {
      if ((await store.get(keys.grant(grantId))) === undefined) continue
      const members = (await store.members(keys.grantMembers(grantId))) as Key[]
      const tokens = await store.getMany(members.filter((key) => key.startsWith('refresh:')))
      count += tokens.filter((token) => token !== undefined && token.consumed === undefined).length
    }
    return count
  } finally {
    await store.close()
  }
}
