/** The revocation log is bounded by what exists, not by the number of calls. */

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { LARGEST_CLOCK_DIFFERENCE_SECONDS } from '../../src/revocation/revocation-log.ts'
import { epochSeconds } from '../../src/base/clock.ts'
import { createVerifier, TokenRevoked } from '../../src/resource/index.ts'
import { logs } from '../../src/store/keys.ts'
import type { Store } from '../../src/store/store.ts'
import { openTestStore } from '../support/embedded-store.ts'
import { movableClock } from '../support/movable-clock.ts'
import { type Running, start } from '../support/start.ts'
import { callEndpoint } from '../support/user-agent.ts'
import { openRevocation, aGrant, KEEP_SECONDS } from './open-revocation.ts'
import { within } from '../support/figures.ts'

const MOST_OF_A_SUBJECT = 200
const MOST_TOKENS_OF_A_GRANT = 20
// As far ahead as a subject's moment reaches, and the clocks of nodes may differ.
const REACH_SECONDS = 46
const ENDINGS = 2000
const SOON = { timeout: 20_000, interval: 100 }

describe('[A11] endings asked for without end', () => {
  it('by one person leave a bounded log, and each of them is in force', async () => {
    const clock = movableClock()
    const store = await openTestStore(clock)
    const { revocation, revocationLog } = await openRevocation(store, clock)
    const grantIds = Array.from({ length: ENDINGS }, (_, at) => `g${at}`)

    for (const grantId of grantIds) {
      const token = await aGrant(store, grantId)
      await revocation.endGrant(grantId, 'refresh_token_revoked')
      expect(await store.get(token)).toBeUndefined()
    }

    expect(await countOf(store)).toBeLessThanOrEqual(MOST_OF_A_SUBJECT + 1)
    const iat = epochSeconds(clock)
    expect(grantIds.filter((gid) => !revocationLog.covers({ gid, sub: 'usr_ana', iat }))).toEqual([])
    expect(revocationLog.covers({ gid: 'g', sub: 'usr_ben', iat })).toBe(false)
  })

  it('by one client for its own tokens leave a bounded log, and each of them is in force', async () => {
    const clock = movableClock()
    const store = await openTestStore(clock)
    const { revocation, revocationLog } = await openRevocation(store, clock)
    const expiresAt = epochSeconds(clock) + 600
    const ids = Array.from({ length: ENDINGS }, (_, at) => `j${at}`)

    const endings = ids.map((jti) => revocation.endToken({ jti, expiresAt, sub: 'machine' }, 'access_token_revoked'))
    await Promise.all(endings)

    expect(await countOf(store)).toBeLessThanOrEqual(MOST_OF_A_SUBJECT + 1)
    const iat = epochSeconds(clock)
    expect(ids.filter((jti) => !revocationLog.covers({ jti, sub: 'machine', iat }))).toEqual([])
  })

  it('for single tokens of one grant end the grant', async () => {
    const clock = movableClock()
    const store = await openTestStore(clock)
    const { revocation, revocationLog } = await openRevocation(store, clock)
    const refreshToken = await aGrant(store, 'g1')
    const expiresAt = epochSeconds(clock) + 600

    for (let at = 1; at <= MOST_TOKENS_OF_A_GRANT; at++) {
      expect(await store.get(refreshToken)).toBeDefined()
      await revocation.endToken({ jti: `j${at}`, expiresAt, sub: 'usr_ana', gid: 'g1' }, 'access_token_revoked')
    }

    expect(await store.get(refreshToken)).toBeUndefined()
    expect(revocationLog.covers({ gid: 'g1' })).toBe(true)
  })

  it('are counted on a node that starts, and no longer once their entries have expired', async () => {
    const clock = movableClock()
    const store = await openTestStore(clock)
    const first = await openRevocation(store, clock)
    const end = (node: typeof first, jti: string) =>
      node.revocation.endToken({ jti, expiresAt: epochSeconds(clock) + 600, sub: 'machine' }, 'access_token_revoked')
    for (let at = 0; at < MOST_OF_A_SUBJECT; at++) await end(first, `j${at}`)

    const second = await openRevocation(store, clock)
    await end(second, 'one more')
    expect(second.revocationLog.covers({ sub: 'machine', iat: epochSeconds(clock) })).toBe(true)

    clock.moveSeconds(KEEP_SECONDS + REACH_SECONDS + LARGEST_CLOCK_DIFFERENCE_SECONDS + 1)
    const third = await openRevocation(store, clock)
    await end(third, 'long after')
    expect(third.revocationLog.covers({ jti: 'long after' })).toBe(true)
    expect(third.revocationLog.covers({ sub: 'machine', iat: epochSeconds(clock) })).toBe(false)
  })

  it('end no grant of the subject and nothing of other subjects', async () => {
    const clock = movableClock()
    const store = await openTestStore(clock)
    const { revocation, notBefore } = await openRevocation(store, clock)
    const expiresAt = epochSeconds(clock) + 600

    for (let at = 0; at <= MOST_OF_A_SUBJECT; at++) {
      await revocation.endToken({ jti: `j${at}`, expiresAt, sub: 'machine' }, 'access_token_revoked')
    }

    const issuedAt = epochSeconds(clock)
    expect(notBefore.covers({ issuedAt })).toBe(false)
    expect(notBefore.covers({ clientId: 'machine', issuedAt })).toBe(false)
  })
})

describe('[A11] a client that fetches and revokes tokens again and again', () => {
  let app: Running
  const clock = movableClock(Date.now())
  beforeAll(async () => {
    app = await start({ clock })
  })
  afterAll(() => app.close())

  it('has each of them refused by verifiers and introspection, and gets good ones again later', async () => {
    const verifier = createVerifier({
      issuer: app.issuer,
      audience: 'https://reports.example',
      clock,
      revocations: { clientId: DEMO_MACHINE.id, clientSecret: DEMO_MACHINE.secret },
    })
    await verifier.prepare()
    let token = ''
    for (let at = 0; at <= MOST_OF_A_SUBJECT + 5; at++) {
      token = await fetchToken(app)
      expect((await callEndpoint(`${app.issuer}/revoke`, { token }, DEMO_MACHINE)).status).toBe(200)
    }

    expect((await callEndpoint(`${app.issuer}/introspect`, { token }, DEMO_MACHINE)).body).toEqual({ active: false })
    await vi.waitFor(() => expect(verifier.verify(token)).rejects.toThrow(TokenRevoked), within(1000))
    expect(await countOf(app.nodes[0]?.store as Store)).toBeLessThanOrEqual(MOST_OF_A_SUBJECT + 1)
    clock.moveSeconds(REACH_SECONDS)
    const later = await fetchToken(app)
    expect((await callEndpoint(`${app.issuer}/introspect`, { token: later }, DEMO_MACHINE)).body.active).toBe(true)
    // To the verifier the feed was silent for as long as the clock was moved, until it is heard again.
    await vi.waitFor(async () => expect(await verifier.verify(later)).toMatchObject({ clientId: 'demo-machine' }), SOON)
    await verifier.close()
  })
})

const DEMO_MACHINE = { id: 'demo-machine', secret: 'demo-machine-secret-not-for-production' }

async function fetchToken(app: Running): Promise<string> {
  const form = { grant_type: 'client_credentials', scope: 'reports:read', resource: 'https://reports.example' }
  const { body } = await callEndpoint(`${app.issuer}/token`, form, DEMO_MACHINE)
  return String(body.access_token)
}

async function countOf(store: Store): Promise<number> {
  return (await store.read(logs.revocations, undefined, 100_000)).length
}
