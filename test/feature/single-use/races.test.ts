/**
 * Each race, on each kind of store, over two nodes that are processes of their own.
 *
 * Twenty rounds each, since a race that is lost once in ten rounds is lost. That these tests can fail stands in
 * races-textbook.test.ts.
 */

import type { CryptoKey } from 'jose'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { type ServerProcesses, startProcesses } from '../../support/server-process.ts'
import { createUserAgent, refresh } from '../../support/user-agent.ts'
import {
  copyOf,
  FEWER_ROUNDS,
  logOut,
  obtainCode,
  obtainRefreshToken,
  raceAgainstRevocation,
  raceClients,
  raceForAssertion,
  raceForCode,
  raceForProof,
  raceForPushedRequest,
  raceForRefresh,
  raceForSession,
  ROUNDS,
  refreshTokensOf,
  sessionStates,
  silentRequest,
  TAB_CLIENTS,
} from './races.ts'
import { describeOnEachTopology, WITHOUT_REPLICAS } from './races-topologies.ts'

// Twenty rounds of sixteen callers keep a busy machine busy.
vi.setConfig({ testTimeout: 120_000 })

describeOnEachTopology('two nodes', (topology) => {
  let nodes: ServerProcesses
  let privateKey: CryptoKey
  beforeAll(async () => {
    const clients = await raceClients()
    privateKey = clients.privateKey
    const codeClients = clients.codeClients.map((client) => ({
      ...client,
      first_party: true,
      refresh: { idempotent_window: client.client_id === 'race-strict' ? 0 : 10 },
      apis: { 'https://orders.example': ['orders:read'] },
    }))
    const machine = { ...clients.machine, apis: { 'https://orders.example': ['orders:read'] } }
    const redisUrls = await topology.open(2)
    nodes = await startProcesses({
      count: 2,
      ...(redisUrls && { redisUrls }),
      env: WITHOUT_REPLICAS,
      // Fifteen of sixteen callers fail on purpose, round after round.
      file: { clients: [...codeClients, machine], client_authentication: { attempts: 10_000 } },
    })
  })
  afterAll(async () => {
    await nodes?.close()
    await topology.close()
  })

  it('[F1] [S33] redeems a code for exactly one of sixteen callers', async () => {
    const agent = createUserAgent(nodes)
    for (let round = 0; round < ROUNDS; round++) {
      const { won, refusals } = await raceForCode(nodes, agent)

      expect(won).toHaveLength(1)
      expect(refusals).toEqual(['400 invalid_grant'])
    }
  })

  it('[S32] a code that several callers held gives tokens that are dead', async () => {
    const { won } = await raceForCode(nodes, createUserAgent(nodes))

    const { body } = await refresh(nodes.urls[0] as string, String(won[0]?.body.refresh_token), 'race-one')

    expect(body.error).toBe('invalid_grant')
  })

  it('[F3] [S75] takes a client assertion from exactly one of sixteen callers', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { won, refusals } = await raceForAssertion(nodes, privateKey)

      expect(won).toHaveLength(1)
      expect(refusals).toEqual(['401 invalid_client'])
    }
  })

  it('[F3] [S98] takes a DPoP proof from exactly one of sixteen callers', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { won, refusals } = await raceForProof(nodes, privateKey)

      expect(won).toHaveLength(1)
      expect(refusals).toEqual(['400 invalid_grant'])
    }
  })

  it('[F2] [S60] gives sixteen simultaneous refreshes one and the same successor', async () => {
    let refreshToken = await obtainRefreshToken(nodes, createUserAgent(nodes))
    for (let round = 0; round < ROUNDS; round++) {
      const answers = await raceForRefresh(nodes, refreshToken)

      const successors = refreshTokensOf(answers)
      expect(successors).toHaveLength(1)
      expect(successors).not.toContain(refreshToken)
      expect(answers.refusals).toEqual([])
      refreshToken = successors[0] as string
    }
  })

  it('[F2] [S60] [S61] without an idempotent window lets one refresh through and ends the family', async () => {
    const agent = createUserAgent(nodes)
    for (let round = 0; round < ROUNDS; round++) {
      const answers = await raceForRefresh(nodes, await obtainRefreshToken(nodes, agent, 'race-strict'), 'race-strict')

      expect(answers.won).toHaveLength(1)
      expect(answers.refusals).toEqual(['400 invalid_grant'])
      const after = await refresh(nodes.urls[0] as string, refreshTokensOf(answers)[0] as string, 'race-strict')
      expect(after.body.error).toBe('invalid_grant')
    }
  })

  it('[F3] opens a pushed authorization request for exactly one of sixteen tabs', async () => {
    const agent = createUserAgent(nodes)
    await obtainCode(agent)
    for (let round = 0; round < FEWER_ROUNDS; round++) {
      expect(await raceForPushedRequest(nodes, agent)).toBe(1)
    }
  })

  it('[F4] refreshes nothing after a revocation was answered, whatever was under way', async () => {
    const agent = createUserAgent(nodes)
    for (let round = 0; round < FEWER_ROUNDS; round++) {
      const errors = await raceAgainstRevocation(nodes, await obtainRefreshToken(nodes, agent))

      expect(new Set(errors)).toEqual(new Set(['invalid_grant']))
    }
  })

  it('redeems the codes of both clients that sign in at once in one browser', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      expect(await raceForSession(nodes)).toEqual([200, 200])
    }
  })

  it('redeems the codes of sixteen applications, each in a tab of its own, that a browser opens at once', async () => {
    for (let round = 0; round < FEWER_ROUNDS; round++) {
      expect(await raceForSession(nodes, TAB_CLIENTS)).toEqual(TAB_CLIENTS.map(() => 200))
    }
  })

  it('keeps a session ended when the logout comes during an authorization', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const agent = createUserAgent(nodes)
      await obtainCode(agent)
      const before = new Map(agent.cookies)
      const other = copyOf(agent, nodes, 1)

      const answer = await topology.duringWrite(
        nodes,
        () => other.get(silentRequest('race-two')),
        () => logOut(agent),
      )

      const { searchParams } = new URL(answer.headers.get('location') ?? '')
      expect(searchParams.get('code')).toBeNull()
      expect(searchParams.get('error')).toBe('access_denied')
      expect(await sessionStates(nodes, before)).toEqual(['login_required', 'login_required'])
      expect(await sessionStates(nodes, other.cookies)).toEqual(['login_required', 'login_required'])
    }
  })
})
