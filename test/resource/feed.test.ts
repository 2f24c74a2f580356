/** A verifier that follows the revocations of a real server: what it refuses, and what it never misses. */

import { randomUUID } from 'node:crypto'

import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import type { NewRevocation } from '../../src/revocation/revocation-log.ts'
import { type FeedFixture, KEEP_SECONDS, refusalOf, startFeedFixture, until } from './feed-fixture.ts'
import { expectFigure } from '../support/figures.ts'

describe('a verifier that follows the feed', () => {
  let at: FeedFixture
  beforeAll(async () => {
    at = await startFeedFixture()
  })
  afterAll(() => at.close())

  const entries: Record<string, (token: string, iat: number) => NewRevocation> = {
    'a token': (token) => ({ jti: idOf(token) }),
    'a key': (token) => ({ kid: decodeProtectedHeader(token).kid ?? '' }),
    'a client': () => ({ client_id: 'demo-machine' }),
    'a client, up to a moment': (_token, iat) => ({ client_id: 'demo-machine', before: iat + 1 }),
    'everything up to a moment': (_token, iat) => ({ before: iat + 1 }),
  }
  it.each(Object.entries(entries))('refuses a token at once when the server has revoked %s', async (_what, entryOf) => {
    const own = await startFeedFixture()
    const { verifier } = own.follow()
    const token = await own.machineToken()
    await expect(verifier.verify(token)).resolves.toBeDefined()

    await own.publish(entryOf(token, decodeJwt(token).iat ?? 0))

    await until(async () => (await refusalOf(verifier, token)) === 'token_revoked')
    await own.close()
  })

  it('lets every other token be', async () => {
    const { verifier, next } = at.follow()
    const [token, other] = [await at.machineToken(), await at.machineToken()]
    await verifier.verify(token)
    const heard = next('revocation')

    await at.publish({ jti: idOf(token) })
    await heard

    await expect(verifier.verify(token)).rejects.toMatchObject({ status: 401, error: 'invalid_token' })
    await expect(verifier.verify(other)).resolves.toBeDefined()
  })

  it('knows of what was revoked before it was made, without being prepared', async () => {
    const token = await at.machineToken()
    await at.publish({ jti: idOf(token) })

    const { verifier } = at.follow()

    expect(await refusalOf(verifier, token)).toBe('token_revoked')
  })

  it('reads the feed with a function for its token as well', async () => {
    const { verifier } = at.follow({ token: () => at.feedToken() })

    await expect(verifier.prepare()).resolves.toBeUndefined()
  })

  it('reveals neither its secret nor its tokens', async () => {
    const { verifier, events } = at.follow()
    const token = await at.machineToken()
    await at.publish({ jti: idOf(token) })
    await until(async () => (await refusalOf(verifier, token)) === 'token_revoked')
    at.network.reset()
    await until(() => events.some(({ type }) => type === 'disconnected'))

    const told = JSON.stringify(events, (_key, value: unknown) =>
      value instanceof Error ? String(value.cause) : value,
    )
    expect(told).not.toMatch(/demo-machine-secret|eyJ/)
  })
})

describe('a verifier that was cut off', () => {
  let at: FeedFixture
  beforeEach(async () => {
    at = await startFeedFixture()
  })
  afterEach(() => at.close())

  it('misses nothing of ten seconds, and asks for no more than those', async () => {
    const { verifier, asked, events, next } = at.follow()
    await verifier.prepare()
    const tokens = [await at.machineToken(), await at.machineToken()]
    await at.publish({ jti: randomUUID() })
    await until(() => events.some(({ type }) => type === 'revocation'))

    cutOff()
    for (const token of tokens) await at.publish({ jti: idOf(token) })
    at.clock.moveSeconds(10)
    for (const token of tokens) expect(await refusalOf(verifier, token)).toBeUndefined()
    await comeBack(next)

    for (const token of tokens) expect(await refusalOf(verifier, token)).toBe('token_revoked')
    expect(asked.at(0)?.after).toBeNull()
    expect(asked.at(-1)?.after).toMatch(/^[\da-f]+-\d+$/)
    expect(events.some(({ type }) => type === 'reset')).toBe(false)
  })

  it('takes everything anew when the log no longer knows where it was', async () => {
    const { verifier, events, next } = at.follow()
    await at.publish({ jti: randomUUID() })
    await verifier.prepare()

    cutOff()
    const missed = randomUUID()
    await at.publish({ jti: missed })
    await until(async () => (await pageOf(at)).includes(missed))
    const token = await at.machineToken()
    at.clock.moveSeconds(KEEP_SECONDS + 1)
    // With them the node drops from its log what is not needed any more, and with that the verifier's cursor.
    for (let i = 0; i < 3; i++) await at.publish({ jti: randomUUID() })
    await at.publish({ jti: idOf(token) })
    at.clock.moveSeconds(-KEEP_SECONDS)
    await comeBack(next)

    expect(events.some(({ type }) => type === 'reset')).toBe(true)
    expect(await refusalOf(verifier, token)).toBe('token_revoked')
  })

  it('refuses every token once the silence is as long as it was told, and takes them again afterwards', async () => {
    const { verifier, next } = at.follow({ whenSilent: 'refuse', silentAfterSeconds: 20 })
    const token = await at.machineToken()
    await verifier.verify(token)

    cutOff()
    at.clock.moveSeconds(19)
    await expect(verifier.verify(token)).resolves.toBeDefined()
    at.clock.moveSeconds(1)
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'verifier_unavailable', status: 503 })

    await comeBack(next)
    await expect(verifier.verify(token)).resolves.toBeDefined()
  })

  it('continues with what it knows when it is configured to accept', async () => {
    const { verifier, events } = at.follow({ whenSilent: 'accept', silentAfterSeconds: 20 })
    const [token, ended] = [await at.machineToken(), await at.machineToken()]
    await verifier.prepare()
    await at.publish({ jti: idOf(ended) })
    await until(() => events.some(({ type }) => type === 'revocation'))

    cutOff()
    at.clock.moveSeconds(60)

    await expect(verifier.verify(token)).resolves.toBeDefined()
    expect(await refusalOf(verifier, ended)).toBe('token_revoked')
  })

  it('refuses when it was not told what to do', async () => {
    const { verifier } = at.follow()
    const token = await at.machineToken()
    await verifier.verify(token)

    cutOff()
    at.clock.moveSeconds(30)

    expect(await refusalOf(verifier, token)).toBe('verifier_unavailable')
  })

  it('cannot be made to wait longer by a clock that is set back', async () => {
    const { verifier } = at.follow({ silentAfterSeconds: 20 })
    const token = await at.machineToken()
    await verifier.verify(token)

    cutOff()
    at.clock.moveSeconds(15)
    await verifier.verify(token)
    at.clock.moveSeconds(-14)
    await verifier.verify(token)
    at.clock.moveSeconds(5)

    expect(await refusalOf(verifier, token)).toBe('verifier_unavailable')
  })

  it('gets the rest from a server that was started again', async () => {
    const { verifier, next } = at.follow()
    const [before, after] = [await at.machineToken(), await at.machineToken()]
    await verifier.prepare()
    await at.publish({ jti: idOf(before) })

    const current = next('current')
    await at.restart()
    await current
    expect(await refusalOf(verifier, before)).toBe('token_revoked')
    await at.publish({ jti: idOf(after) })

    await until(async () => (await refusalOf(verifier, after)) === 'token_revoked')
  })

  it('comes back with another token when the one of the feed has expired', async () => {
    const { verifier, events, next } = at.follow()
    await verifier.prepare()

    const [disconnected, current] = [next('disconnected'), next('current')]
    at.clock.moveSeconds(601)
    await disconnected
    await current

    expect(events.find(({ type }) => type === 'disconnected')).toEqual({ type: 'disconnected', error: undefined })
  })

  function cutOff(): void {
    at.network.pause()
    at.network.reset()
  }

  async function comeBack(next: (type: 'current') => Promise<void>): Promise<void> {
    const current = next('current')
    // What tried meanwhile hangs in the hole; the next attempt goes through.
    at.network.resume()
    at.network.reset()
    await current
  }
})

describe('a verifier that never reaches the feed', () => {
  let at: FeedFixture
  beforeAll(async () => {
    at = await startFeedFixture({
      clients: [{ clientId: 'demo-machine', apis: { 'https://orders.example': ['orders:read'] } }],
    })
  })
  afterAll(() => at.close())

  it('says so when it is prepared, and refuses', async () => {
    const { verifier } = at.follow()

    await expect(verifier.prepare()).rejects.toMatchObject({ code: 'verifier_unavailable' })
    expect(await refusalOf(verifier, await at.machineToken())).toBe('verifier_unavailable')
  })

  it('accepts when it was told to, after it has waited once', async () => {
    const { verifier } = at.follow({ whenSilent: 'accept' })
    const token = await at.machineToken()

    await expect(verifier.verify(token)).resolves.toBeDefined()
    const startedMs = performance.now()
    await verifier.verify(token)
    expectFigure('ms for a token once the feed was waited for', performance.now() - startedMs, 500)
  })
})

/** What the first node has in its log. */
async function pageOf({ app, feedToken }: FeedFixture): Promise<string> {
  const headers = { authorization: `Bearer ${await feedToken()}` }
  return (await fetch(`${app.urls[0]}/revocations`, { headers })).text()
}

function idOf(token: string): string {
  return decodeJwt(token).jti ?? ''
}
