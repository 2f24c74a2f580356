/** A used refresh token is known as used whatever was restarted since, and whichever server the store moved to. */

import { describe, expect, it, onTestFinished, vi } from 'vitest'

import { describeWithRedis, startRedis, startSentinel } from '../../support/redis.ts'
import { type ServerProcesses, startProcesses } from '../../support/server-process.ts'
import { createUserAgent, newPkce, redeem, refresh, signIn, type TokenAnswer } from '../../support/user-agent.ts'

const CLIENT_ID = 'strict'
const SIGN_IN = { clientId: CLIENT_ID, redirectUri: 'http://localhost:4999/callback', scope: 'openid' }
const CLIENT = {
  client_id: CLIENT_ID,
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: [SIGN_IN.redirectUri],
  first_party: true,
  refresh: { idempotent_window: 0 },
}

// Servers are started several times in a test, which a busy machine takes seconds for.
vi.setConfig({ testTimeout: 120_000 })

describe('[S62] reuse of a refresh token is detected after a restart', () => {
  it('of every server, on one embedded file', async () => {
    const nodes = await started(undefined)
    const family = await usedFamily(nodes)

    await restartAll(nodes)

    await expectReuseDetected(nodes, family)
  })
})

describeWithRedis('[S62] reuse of a refresh token is detected after', () => {
  it('a restart of every server', async () => {
    const redis = await startRedis()
    onTestFinished(() => redis.close())
    const nodes = await started(redis.url)
    const family = await usedFamily(nodes)

    await restartAll(nodes)

    await expectReuseDetected(nodes, family)
  })

  it('a crash and restart of Redis with its append-only file', async () => {
    const redis = await startRedis({ appendOnly: true })
    onTestFinished(() => redis.close())
    const nodes = await started(redis.url)
    const family = await usedFamily(nodes)

    await redis.kill()
    await redis.restart()

    await expectReuseDetected(nodes, family)
  })

  it('a failover to the replica', async () => {
    const redis = await startSentinel({ replicas: 2 })
    onTestFinished(() => redis.close())
    const nodes = await started(redis.url)
    const family = await usedFamily(nodes)

    await redis.primary.kill()
    const roles = () => Promise.all(redis.replicas.map((replica) => replica.cli('ROLE')))
    await expect.poll(roles, { timeout: 30_000 }).toContainEqual(expect.stringMatching(/^master/))

    await expectReuseDetected(nodes, family)
  })
})

async function started(redisUrl: string | undefined): Promise<ServerProcesses> {
  const nodes = await startProcesses({
    count: 2,
    ...(redisUrl !== undefined && { redisUrls: [redisUrl] }),
    file: { clients: [CLIENT] },
  })
  onTestFinished(() => nodes.close())
  return nodes
}

interface Family {
  readonly used: string
  readonly successor: string
  /** Of another browser, and never used. */
  readonly other: string
}

async function usedFamily(nodes: ServerProcesses): Promise<Family> {
  const [used, other] = [await signedIn(nodes), await signedIn(nodes)]
  const second = await refresh(nodes.urls[0] as string, used, CLIENT_ID)
  expect(second.status).toBe(200)
  return { used, successor: String(second.body.refresh_token), other }
}

async function signedIn(nodes: ServerProcesses): Promise<string> {
  const pkce = newPkce()
  const callback = await signIn(createUserAgent(nodes), pkce, SIGN_IN)
  const { body } = await redeem(nodes.urls[0] as string, callback.get('code') ?? '', pkce, SIGN_IN)
  return String(body.refresh_token)
}

async function restartAll({ servers }: ServerProcesses): Promise<void> {
  await Promise.all(servers.map((server) => server.kill()))
  await Promise.all(servers.map((server) => server.restart()))
}

/** The used one is refused, and with it its successor is dead; a store that forgot everything would refuse the other. */
async function expectReuseDetected(nodes: ServerProcesses, { used, successor, other }: Family): Promise<void> {
  expect(await answered(nodes, 1, used)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  expect(await answered(nodes, 0, successor)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  expect(await answered(nodes, 0, other)).toMatchObject({ status: 200 })
}

/** The answer of a node once it has its store again. */
async function answered({ urls }: ServerProcesses, node: number, token: string): Promise<TokenAnswer> {
  let answer: TokenAnswer | undefined
  await expect
    .poll(
      async () => {
        answer = await refresh(urls[node] as string, token, CLIENT_ID)
        return answer.status
      },
      { timeout: 20_000 },
    )
    .not.toBe(503)
  return answer as TokenAnswer
}
