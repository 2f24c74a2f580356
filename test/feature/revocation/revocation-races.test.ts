/**
 * Ending access while refreshes of it are under way, on each kind of store, over two nodes that are processes of their own.
 *
 * A client whose refresh tokens rotate writes with every refresh, and the write finds the grant gone. One whose tokens do
 * not rotate writes nothing: its JWT may be signed after the grant has ended, and is dead because the log says so.
 */

import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { systemClock } from '../../../src/base/clock.ts'
import { generateSecret, hashSecret } from '../../../src/clients/secrets.ts'
import { logs } from '../../../src/store/keys.ts'
import { openStore } from '../../../src/store/open-store.ts'
import { claimsOf, opensUserinfo } from '../../revocation/sign-ins.ts'
import { operateWith } from '../../revocation/operator.ts'
import { type ServerProcesses, startProcesses } from '../../support/server-process.ts'
import {
  ALICE,
  callEndpoint,
  createUserAgent,
  newPkce,
  signIn,
  type TokenAnswer,
  type UserAgent,
} from '../../support/user-agent.ts'
import { FEWER_ROUNDS, logOut } from '../single-use/races.ts'
import { describeOnEachTopology, WITHOUT_REPLICAS } from '../single-use/races-topologies.ts'
import { within } from '../../support/figures.ts'

vi.setConfig({ testTimeout: 120_000 })

const ROUNDS = 50
const CALLERS = 16
const REDIRECT_URI = 'http://localhost:4999/callback'
/** Public, so that its refresh tokens rotate. */
const ROTATES = { id: 'rotates', secret: undefined }
/** Confidential, so that they need not. */
const STAYS = { id: 'stays', secret: generateSecret() }
type Client = typeof ROTATES | typeof STAYS

/** The write that stores a refresh token's successor: of a refresh, and of no other request. */
const SUCCESSION = /refresh:\{[\s\S]*grant-members:\{/

describeOnEachTopology('two nodes', (topology) => {
  let nodes: ServerProcesses
  let redisUrls: readonly string[] | undefined
  const rootKey = randomBytes(32).toString('base64')
  beforeAll(async () => {
    redisUrls = await topology.open(2)
    nodes = await startProcesses({
      count: 2,
      ...(redisUrls && { redisUrls }),
      env: { GRANTOR_ROOT_KEY: rootKey, ...WITHOUT_REPLICAS },
      file: { clients: [ROTATES, STAYS].map(inFile) },
    })
  })
  afterAll(async () => {
    await nodes?.close()
    await topology.close()
  })

  it('[S53] end a family for good while sixteen refresh it: nothing of it works after the answer', async () => {
    const agent = createUserAgent(nodes)
    const grants: unknown[] = []
    let signed = 0
    let asked = 0
    for (let round = 0; round < ROUNDS; round++) {
      const client = round % 2 === 0 ? ROTATES : STAYS
      const first = await tokensOf(agent, client)
      const token = String(first.body.refresh_token)

      // Before, among or behind the others.
      const place = [0, CALLERS / 4, CALLERS / 2, CALLERS][round % 4] as number
      const refreshing: Promise<TokenAnswer[]>[] = []
      const { promise: ended, resolve: begin } = Promise.withResolvers<TokenAnswer>()
      for (let caller = 0; caller <= CALLERS; caller++) {
        if (caller === place) begin(revoke(nodes.urls[round % 2], token, client))
        else refreshing.push(refreshUntil(ended, () => refreshAt(nodes.urls[caller % 2], token, client)))
      }
      expect((await ended).status).toBe(200)

      // Those that are still under way are answered after the revocation was: what they got is dead as well.
      const all = await Promise.all(refreshing)
      expect(new Set(all.map((answers) => answers.at(-1)?.body.error))).toEqual(new Set(['invalid_grant']))
      const answers = all.flat()
      const good = answers.filter(({ status }) => status === 200)
      await expectNothingWorks([first, ...good], client)
      signed += good.length
      asked += answers.length
      grants.push(claimsOf(String(first.body.access_token)).gid)
    }
    // It was a race: some came through and some did not.
    expect(signed).toBeGreaterThan(0)
    expect(signed).toBeLessThan(asked)
    const named = (await revoked()).map(({ gid }) => gid)
    expect(named).toEqual(expect.arrayContaining(grants))
    console.log(`[S53] ${ROUNDS} rounds, ${asked} refreshes, ${signed} of which gave tokens, all dead`)
  })

  it('[F4] refuse the refresh that was about to write when the family was revoked', async () => {
    const agent = createUserAgent(nodes)
    for (let round = 0; round < FEWER_ROUNDS; round++) {
      const first = await tokensOf(agent, ROTATES)
      const token = String(first.body.refresh_token)

      const late = await topology.duringWrite(
        nodes,
        () => refreshAt(nodes.urls[1], token, ROTATES),
        () => revoke(nodes.urls[0], token, ROTATES),
        SUCCESSION,
      )

      expect(late).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
      await expectNothingWorks([first], ROTATES)
    }
  })

  it('[F4] refuse the refresh that was about to write when the person signed out', async () => {
    for (let round = 0; round < FEWER_ROUNDS; round++) {
      const agent = createUserAgent(nodes)
      const first = await tokensOf(agent, ROTATES)

      const late = await topology.duringWrite(
        nodes,
        () => refreshAt(nodes.urls[1], String(first.body.refresh_token), ROTATES),
        () => logOut(agent),
        SUCCESSION,
      )

      expect(late).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
      await expectNothingWorks([first], ROTATES)
    }
  })

  it('[F4] refuse the refresh that was about to write when the account was disabled', async () => {
    for (let round = 0; round < 3; round++) {
      await operator('accounts', 'enable', ALICE.login)
      const first = await untilSignedIn(() => tokensOf(createUserAgent(nodes), ROTATES))

      const late = await topology.duringWrite(
        nodes,
        () => refreshAt(nodes.urls[1], String(first.body.refresh_token), ROTATES),
        () => operator('accounts', 'disable', ALICE.login),
        SUCCESSION,
      )

      expect(late).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
      await expectNothingWorks([first], ROTATES)
    }
  })

  async function operator(...args: string[]): Promise<void> {
    const redisUrl = redisUrls?.[0]
    const env = {
      ...WITHOUT_REPLICAS,
      GRANTOR_ROOT_KEY: rootKey,
      DATA_DIR: nodes.dataDir,
      ISSUER: nodes.issuer,
    }
    const said = await operateWith({ ...env, ...(redisUrl && { REDIS_URL: redisUrl }) }, nodes.dataDir, args)
    expect(said).toMatchObject({ code: 0 })
  }

  async function tokensOf(agent: UserAgent, client: Client): Promise<TokenAnswer> {
    const pkce = newPkce()
    const request = { clientId: client.id, redirectUri: REDIRECT_URI }
    const code = (await signIn(agent, pkce, request)).get('code') ?? ''
    const form = { grant_type: 'authorization_code', redirect_uri: REDIRECT_URI, code, code_verifier: pkce.verifier }
    const answer = await call(nodes.urls[0], '/token', form, client)
    expect(answer.status).toBe(200)
    return answer
  }

  async function expectNothingWorks(answers: readonly TokenAnswer[], client: Client): Promise<void> {
    const refreshTokens = [...new Set(answers.map(({ body }) => String(body.refresh_token)))]
    const accessTokens = answers.map(({ body }) => String(body.access_token))
    for (const url of nodes.urls) {
      const refreshed = await Promise.all(refreshTokens.map((token) => refreshAt(url, token, client)))
      expect(refreshed.map(({ body }) => body.error)).toEqual(refreshTokens.map(() => 'invalid_grant'))
      const opened = await Promise.all(accessTokens.map((token) => opensUserinfo(url, token)))
      expect(opened).toEqual(accessTokens.map(() => false))
    }
  }

  async function revoked(): Promise<Record<string, unknown>[]> {
    const redisUrl = redisUrls?.[0]
    const store = await openStore({ redisUrl, redisReplicas: 0, dataDir: nodes.dataDir }, systemClock)
    try {
      await vi.waitFor(() => expect(store.status().ready).toBe(true), within(1000))
      const entries = await store.read(logs.revocations, undefined, 10_000)
      return entries.map(({ value }) => JSON.parse(value) as Record<string, unknown>)
    } finally {
      await store.close()
    }
  }
})

function inFile({ id, secret }: Client) {
  return {
    ...{ client_id: id, redirect_uris: [REDIRECT_URI], first_party: true },
    grant_types: ['authorization_code', 'refresh_token'],
    apis: { 'https://orders.example': ['orders:read'] },
    ...(secret === undefined
      ? { token_endpoint_auth_method: 'none', refresh: { idempotent_window: 10 } }
      : { client_secret_sha256: hashSecret(secret), refresh: { rotation: 'never' } }),
  }
}

function call(url: string | undefined, path: string, form: Record<string, string>, { id, secret }: Client) {
  if (secret === undefined) return callEndpoint(`${url}${path}`, { ...form, client_id: id })
  return callEndpoint(`${url}${path}`, form, { id, secret })
}

function refreshAt(url: string | undefined, token: string, client: Client) {
  return call(url, '/token', { grant_type: 'refresh_token', refresh_token: token }, client)
}

/** Refreshes again and again until that has come true, and then once more. */
async function refreshUntil(over: Promise<unknown>, ask: () => Promise<TokenAnswer>): Promise<TokenAnswer[]> {
  let isOver = false
  void over.then(() => {
    isOver = true
  })
  const answers: TokenAnswer[] = []
  while (!isOver) answers.push(await ask())
  return [...answers, await ask()]
}

function revoke(url: string | undefined, token: string, client: Client) {
  return call(url, '/revoke', { token }, client)
}

/** A sign-in in the second in which the account was ended does not count. */
async function untilSignedIn<T>(attempt: () => Promise<T>): Promise<T> {
  return vi.waitFor(attempt, within(5000, 200))
}
