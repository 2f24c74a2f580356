/**
 * A write that the primary has and no replica has confirmed is visible, and a failover may lose it. An answer that rests on
 * it would be acknowledged and not durable.
 *
 * Here the replicas and the Sentinels stand still, so nothing can be confirmed. The first request writes and fails. A
 * second one finds what the first one wrote: it must fail too, and succeed when the replicas are back.
 */

import { beforeAll, expect, it, onTestFinished, vi } from 'vitest'

import { describeWithRedis, type SentinelSetup, startSentinel } from '../../support/redis.ts'
import { type ServerProcesses, startProcesses } from '../../support/server-process.ts'
import { callEndpoint, createUserAgent, newPkce, type Page, redeem, refresh, signIn } from '../../support/user-agent.ts'

vi.setConfig({ testTimeout: 60_000 })

const RECOVERY = { timeout: 30_000, interval: 100 }
const CLIENT_ID = 'web'
const ORDERS = 'https://orders.example'
const FILES = 'https://files.example'
const SIGN_IN = { clientId: CLIENT_ID, redirectUri: 'http://localhost:4999/callback' }
const CLIENT = {
  client_id: CLIENT_ID,
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: [SIGN_IN.redirectUri],
  apis: { [ORDERS]: ['orders:read'], [FILES]: ['files:read'] },
  first_party: true,
}
const APIS = [{ audience: FILES, scopes: { 'files:read': 'Read files' }, token: { format: 'opaque' } }]

/** Sends the request to a node and gives the status of the answer. */
type Ask = (node: number) => Promise<number>

/** Everything that a request can find done by another, and answer with success for that reason. */
const REQUESTS: Record<string, (nodes: ServerProcesses) => Promise<Ask>> = {
  'the revocation of a JWT access token': async (nodes) => revocationOf(nodes, await accessTokenFor(nodes, ORDERS)),
  'the revocation of an opaque access token': async (nodes) => revocationOf(nodes, await accessTokenFor(nodes, FILES)),
  'the revocation of a refresh token': async (nodes) =>
    revocationOf(nodes, (await signedIn(nodes, ORDERS)).refreshToken),
  'a refresh within the idempotency window': async (nodes) => {
    const { refreshToken } = await signedIn(nodes, ORDERS)
    return async (node) => (await refresh(nodes.urls[node] as string, refreshToken, CLIENT_ID)).status
  },
  'a logout': async (nodes) => {
    const { agent } = await signedIn(nodes, ORDERS)
    const { page } = await agent.follow(await agent.get('/logout'))
    return async (node) => {
      const tab = createUserAgent(nodes, { node: () => node })
      for (const [name, value] of agent.cookies) tab.cookies.set(name, value)
      return (await tab.submit(page as Page, '/logout/confirm', { logout: 'yes' })).status
    }
  },
}

const TWICE = 20

describeWithRedis('while no replica confirms a write', () => {
  let redis: SentinelSetup
  let nodes: ServerProcesses

  beforeAll(async () => {
    redis = await startSentinel({ replicas: 2 })
    nodes = await startProcesses({ count: 2, redisUrls: [redis.url], file: { clients: [CLIENT], apis: APIS } })
    return async () => {
      await nodes.close()
      await redis.close()
    }
  })

  it.each(Object.entries(REQUESTS))(
    '[B2] a server that finds this done does not acknowledge it: %s',
    async (_, begin) => {
      await vi.waitFor(() => isReady(nodes), RECOVERY)
      const ask = await begin(nodes)
      const others = [...redis.replicas, ...redis.sentinels]
      const release = () => {
        for (const server of others) server.resume()
      }
      onTestFinished(release)
      for (const server of others) server.pause()

      // The first one writes, and waits for the replicas for most of a second. The others come meanwhile, one by one.
      const statuses = [ask(0)]
      for (let i = 0; i < TWICE; i++) {
        await fetch(`${nodes.urls[1]}/jwks`)
        statuses.push(ask(1))
      }

      expect(new Set(await Promise.all(statuses))).toEqual(new Set([503]))
    },
  )
})

async function isReady({ servers }: ServerProcesses): Promise<void> {
  for (const { opsUrl } of servers) expect((await fetch(`${opsUrl}/health/ready`)).status).toBe(200)
}

function revocationOf({ urls }: ServerProcesses, token: string): Ask {
  return async (node) => (await callEndpoint(`${urls[node]}/revoke`, { client_id: CLIENT_ID, token })).status
}

async function accessTokenFor(nodes: ServerProcesses, audience: string): Promise<string> {
  return (await signedIn(nodes, audience)).accessToken
}

async function signedIn(nodes: ServerProcesses, resource: string) {
  const pkce = newPkce()
  const agent = createUserAgent(nodes)
  const scope = resource === ORDERS ? 'openid orders:read' : 'openid files:read'
  const callback = await signIn(agent, pkce, { ...SIGN_IN, scope, params: { resource } })
  const { body } = await redeem(nodes.urls[0] as string, callback.get('code') ?? '', pkce, SIGN_IN)
  return { agent, refreshToken: String(body.refresh_token), accessToken: String(body.access_token) }
}
