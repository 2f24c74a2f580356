/** The proof that the tests of races can fail: the same races, against the adapter that a textbook would give. */

import type { CryptoKey } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startTextbook, type Textbook } from '../../support/textbook-adapter.ts'
import { createUserAgent } from '../../support/user-agent.ts'
import {
  copyOf,
  logOut,
  obtainCode,
  obtainRefreshToken,
  raceClients,
  raceForAssertion,
  raceForCode,
  raceForProof,
  raceForPushedRequest,
  raceForRefresh,
  raceForSession,
  refreshTokensOf,
  sessionStates,
  silentRequest,
} from './races.ts'

describe('the textbook adapter', () => {
  let nodes: Textbook
  let privateKey: CryptoKey
  beforeAll(async () => {
    const clients = await raceClients()
    privateKey = clients.privateKey
    const machine = { ...clients.machine, response_types: [] }
    nodes = await startTextbook([...clients.codeClients, machine] as Parameters<typeof startTextbook>[0])
  })
  afterAll(() => nodes.close())

  it('redeems one code many times', async () => {
    const { won } = await raceForCode(nodes, createUserAgent(nodes))

    expect(won.length).toBeGreaterThan(1)
  })

  it('takes one client assertion many times', async () => {
    const { won } = await raceForAssertion(nodes, privateKey)

    expect(won.length).toBeGreaterThan(1)
  })

  it('takes one DPoP proof many times', async () => {
    const { won } = await raceForProof(nodes, privateKey)

    expect(won.length).toBeGreaterThan(1)
  })

  it('gives one refresh token many successors', async () => {
    const round = await raceForRefresh(nodes, await obtainRefreshToken(nodes, createUserAgent(nodes)))

    expect(refreshTokensOf(round).length).toBeGreaterThan(1)
  })

  it('opens one pushed authorization request many times', async () => {
    const agent = createUserAgent(nodes)
    await obtainCode(agent)

    expect(await raceForPushedRequest(nodes, agent)).toBeGreaterThan(1)
  })

  it('loses the code of one of two clients that sign in at once', async () => {
    expect(await raceForSession(nodes)).not.toEqual([200, 200])
  })

  it('brings a session back when a logout comes during an authorization', async () => {
    const agent = createUserAgent(nodes)
    await obtainCode(agent)
    const cookies = new Map(agent.cookies)
    const held = nodes.holdSessionWrite()
    const answer = copyOf(agent, nodes, 1).get(silentRequest('race-one'))
    await held.reached
    await logOut(agent)
    held.release()
    await answer

    expect(await sessionStates(nodes, cookies)).not.toContain('login_required')
  })
})
