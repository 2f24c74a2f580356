/** A store without room for more: nothing is issued, and whatever ends access goes on. */

import { decodeJwt } from 'jose'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'

import { ROUTES, type Route, type RouteName } from '../../../src/http/routes.ts'
import { createVerifier, TokenRevoked, type Verifier } from '../../../src/resource/index.ts'
import { operate } from '../../revocation/operator.ts'
import { type Prepared, prepareRequests } from '../../http/route-requests.ts'
import { expectFigure } from '../../support/figures.ts'
import { describeWithRedis, type RedisServer, startRedis } from '../../support/redis.ts'
import { aSmallDisk, describeWithSmallDisk, fill as fillDisk } from '../../support/small-disk.ts'
import { type Running, start } from '../../support/start.ts'
import { callEndpoint, createUserAgent, newPkce, signIn } from '../../support/user-agent.ts'

const ORDERS = 'https://orders.example'
const PATIENCE = { timeout: 15_000, interval: 20 }

const TITLE = '[A2] [S158] issues nothing, ends whatever is asked for, and goes on when there is room'

describeWithRedis('Redis at its maxmemory of 64 MB', () => {
  it(TITLE, { timeout: 120_000 }, async () => {
    const redis = await startRedis({ settings: ['--maxmemory', '64mb', '--maxmemory-policy', 'noeviction'] })
    onTestFinished(() => redis.close())
    await expectEndingsOnly(await start({ redisUrl: redis.url }), {
      problem: /Redis is nearly full .* Raise maxmemory/,
      fill: () => fill(redis),
      free: async () => void (await redis.cli('DEL', ...(await redis.cli('KEYS', 'junk:*')).split('\n'))),
    })
  })
})

describeWithSmallDisk('a small disk that is full', () => {
  it(TITLE, { timeout: 120_000 }, async () => {
    const folder = await aSmallDisk(32)
    const app = await start({ folder })
    await expectEndingsOnly(app, {
      problem: /is full|MB left/,
      async fill() {
        // Made within seconds of the start, while there is space for it.
        await vi.waitFor(async () => expect(await readdir(app.dataDir)).toContain('grantor.reserve'), PATIENCE)
        await fillDisk(folder)
      },
      free: () => rm(join(folder, 'filler')),
    })
  })
})

interface Shortage {
  /** What readiness says. */
  readonly problem: RegExp
  fill(): Promise<void>
  free(): Promise<void>
}

async function expectEndingsOnly(app: Running, { problem, fill, free }: Shortage): Promise<void> {
  onTestFinished(() => app.close())
  const prepared = await prepareRequests(app)
  const [ofGrant, ofClient, ofAll] = [await tokenOf(app), await tokenOf(app), await machineToken(app)]
  const verifier = followingVerifier(app)
  await verifier.verify(prepared.accessToken)

  await fill()
  await vi.waitFor(() => expect(app.nodes[0]?.store.status()).toMatchObject({ ready: true, hasRoom: false }), PATIENCE)
  expect(await readiness(app)).toMatchObject({ status: 503, body: { problem: expect.stringMatching(problem) } })

  for (const route of ROUTES.filter(({ store }) => store === 'issues')) await expectFull(prepared, route)
  // A failed logout would leave a session behind.
  expect((await fetch(`${app.issuer}/logout`)).status).toBe(503)
  for (const route of ROUTES.filter(({ store }) => store === 'reads')) await expectAnswer(prepared, route)
  // `/revoke`, the logout and its confirmation, the end of a connected application.
  for (const route of ROUTES.filter(({ store }) => store === 'ends')) await expectAnswer(prepared, route)
  await expectEnded(verifier, prepared.accessToken)

  const { gid } = decodeJwt(ofGrant)
  const byOperator = [
    { ending: ['grant', '--', String(gid)], token: ofGrant },
    { ending: ['client', '--yes', WEB.id], token: ofClient },
    { ending: ['everything', '--yes'], token: ofAll },
  ]
  for (const { ending, token } of byOperator) {
    await verifier.verify(token)
    const said = await operate(app, ['revoke', ...ending])
    expect(said, ending[0]).toMatchObject({ code: 0, out: expect.stringMatching(/^Ended/) })
    await expectEnded(verifier, token)
  }

  await free()
  await vi.waitFor(async () => expect((await readiness(app)).status).toBe(200), PATIENCE)
  // What is signed in within 16 s of the end of everything ends with it, so no sign-in is finished here.
  expect((await prepared.requests['pushed-authorization']()).status).toBe(201)
  expect((await prepared.requests.authorization()).status).toBe(303)
  expect(await machineToken(app)).not.toBe('')
}

/** What others keep in the same Redis, until it takes no more. */
async function fill(redis: RedisServer): Promise<void> {
  const store = "return redis.call('SET', KEYS[1], string.rep('x', 1000000))"
  for (let stored = 0; ; stored++) {
    const said = await redis.cli('EVAL', store, '1', `junk:${stored}`)
    if (said !== 'OK') return expect(said).toContain('OOM')
  }
}

async function expectFull({ requests }: Prepared, { name, errors }: Route): Promise<void> {
  const response = await requests[name as RouteName]()
  const text = await response.text()
  expect(response.status, name).toBe(503)
  expect(Number(response.headers.get('retry-after')), name).toBeGreaterThan(0)
  if (errors === 'page') expect(text, name).toContain('<h1')
  else expect(JSON.parse(text), name).toMatchObject({ error: 'temporarily_unavailable' })
}

async function expectAnswer({ requests }: Prepared, { name }: Route): Promise<void> {
  const response = await requests[name as RouteName]()
  expect(response.status, `${name}: ${await response.text()}`).toBeLessThan(400)
}

const WEB = { id: 'demo-web', secret: 'demo-web-secret-not-for-production' }
const WEB_URI = 'http://localhost:4010/callback'

/** A token for the orders, of a client that no page of this test ends. */
async function tokenOf(app: Running): Promise<string> {
  const pkce = newPkce()
  const options = { clientId: WEB.id, redirectUri: WEB_URI, scope: 'openid orders:read' }
  const code = (await signIn(createUserAgent(app), pkce, options)).get('code') ?? ''
  const params = { grant_type: 'authorization_code', redirect_uri: WEB_URI, code, code_verifier: pkce.verifier }
  const { body } = await callEndpoint(`${app.issuer}/token`, params, WEB)
  return body.access_token ?? ''
}

async function machineToken(app: Running): Promise<string> {
  const params = { grant_type: 'client_credentials', scope: 'orders:read' }
  const machine = { id: 'demo-machine', secret: 'demo-machine-secret-not-for-production' }
  return (await callEndpoint(`${app.issuer}/token`, params, machine)).body.access_token ?? ''
}

function followingVerifier(app: Running): Pick<Verifier, 'verify'> {
  const verifier = createVerifier({
    issuer: app.issuer,
    audience: ORDERS,
    revocations: { clientId: 'demo-machine', clientSecret: 'demo-machine-secret-not-for-production' },
  })
  onTestFinished(() => verifier.close())
  return verifier
}

/** A verifier learns of an ending within a second, with room or without. */
async function expectEnded(verifier: Pick<Verifier, 'verify'>, token: string): Promise<void> {
  const startMs = performance.now()
  await vi.waitFor(() => expect(verifier.verify(token)).rejects.toThrow(TokenRevoked), PATIENCE)
  expectFigure('ms from an acknowledged ending on a full store to its refusal', performance.now() - startMs, 1000)
}

async function readiness(app: Running): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${app.nodes[0]?.opsUrl}/health/ready`)
  return { status: response.status, body: await response.json() }
}
