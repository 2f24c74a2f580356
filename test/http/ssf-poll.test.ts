/** Security events for a receiver that polls (RFC 8936, RFC 8417, SSF 1.0): signed, once acknowledged never again. */

import { request } from 'node:http'
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import type { App } from '../../src/app.ts'
import { confidential, SECRET } from '../support/requests.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import { startSigningProcess } from '../support/signing-process.ts'
import { type Running, start } from '../support/start.ts'
import { feedToken, type Writer, writer } from './revocation-reader.ts'

const SESSION_REVOKED = 'https://schemas.openid.net/secevent/caep/event-type/session-revoked'
const TOKEN_REVOKED = 'https://schemas.openid.net/secevent/oauth/event-type/token-revoked'
const ISSUER = 'http://localhost:4999'

describe('the poll endpoint on one embedded file', () => tests(async () => ({ close: async () => undefined })))

describeWithRedis('the poll endpoint on one Redis', () =>
  tests(async () => {
    const redis = await startRedis()
    return { redisUrl: redis.url, close: () => redis.close() }
  }),
)

interface Polled {
  readonly status: number
  readonly sets: Record<string, string>
  readonly moreAvailable?: boolean
}

function tests(open: () => Promise<{ redisUrl?: string; close(): Promise<void> }>): void {
  let store: Awaited<ReturnType<typeof open>>
  let app: Running
  let log: Writer
  let receivers = 0
  beforeAll(async () => {
    store = await open()
    const names = Array.from({ length: 20 }, (_, at) => `receiver-${at}`)
    app = await start({
      nodes: 2,
      ...(store.redisUrl && { redisUrl: store.redisUrl }),
      config: { issuer: ISSUER },
      clients: names.map((name) =>
        confidential(name, {
          apis: { [ISSUER]: ['revocations:read'] },
          redirectUris: [],
          grantTypes: ['client_credentials'],
        }),
      ),
    })
    log = writer((app.nodes[0] as App).store)
  })
  afterAll(async () => {
    await app.close()
    await store.close()
  })

  /** A receiver that has acknowledged all there was. */
  async function aReceiver() {
    const id = `receiver-${receivers++}`
    const token = await feedToken(app, { id, secret: SECRET })

    async function poll(body: object, node = 0): Promise<Polled> {
      const response = await fetch(`${app.urls[node]}/ssf/poll`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      return { status: response.status, ...((await response.json()) as Omit<Polled, 'status'>) }
    }

    for (let ack: string[] = [], more = true; more; ) {
      const { sets } = await poll({ ack, returnImmediately: true })
      ack = Object.keys(sets)
      more = ack.length > 0
    }
    return { id, poll }
  }

  async function verify(set: string, audience: string) {
    const keys = createRemoteJWKSet(new URL(`${app.urls[0]}/jwks`))
    return jwtVerify(set, keys, { issuer: ISSUER, audience, typ: 'secevent+jwt', algorithms: ['RS256'] })
  }

  it('gives what was revoked as signed events of the kind that the standards have for it', async () => {
    const { id, poll } = await aReceiver()
    await log.publish({ sid: 'a-session' })
    await log.publish({ jti: 'a-token' })
    await log.publish({ gid: 'a-grant' })

    const { sets, moreAvailable } = await poll({ returnImmediately: true })

    const verified = await Promise.all(Object.values(sets).map((set) => verify(set, id)))
    const [session, token, grant] = verified.map(({ payload }) => payload) as [JWTPayload, JWTPayload, JWTPayload]
    expect(verified).toHaveLength(3)
    expect(moreAvailable).toBeUndefined()
    expect(session).toMatchObject({
      sub_id: { format: 'opaque', id: 'a-session' },
      events: { [SESSION_REVOKED]: { event_timestamp: session.iat } },
    })
    expect(token).toMatchObject({
      sub_id: { format: 'jwt_id', iss: ISSUER, jti: 'a-token' },
      events: { [TOKEN_REVOKED]: { subject: { subject_type: 'oauth_token', token_type: 'access_token' } } },
    })
    expect(grant).toMatchObject({ sub_id: { format: 'opaque', id: 'a-grant' }, events: { [TOKEN_REVOKED]: {} } })
    for (const [jti, set] of Object.entries(sets)) {
      const { payload } = await verify(set, id)
      expect(payload.jti).toBe(jti)
      // By these it could pass for another kind of JWT (SSF 1.0).
      expect(payload).not.toHaveProperty('sub')
      expect(payload).not.toHaveProperty('exp')
      expect(payload.txn).toEqual(expect.any(String))
    }
    expect(new Set([session, token, grant].map(({ txn }) => txn)).size).toBe(3)
  })

  it('gives an event again until it is acknowledged, at whichever node, and then never', async () => {
    const { poll } = await aReceiver()
    await log.publish({ gid: 'again-1' })
    await log.publish({ gid: 'again-2' })

    const first = Object.keys((await poll({ returnImmediately: true }, 0)).sets)
    const second = Object.keys((await poll({ returnImmediately: true }, 1)).sets)
    const third = Object.keys((await poll({ ack: [first[1]], returnImmediately: true }, 1)).sets)
    const fourth = Object.keys((await poll({ ack: [first[0]], returnImmediately: true }, 0)).sets)

    expect(first).toHaveLength(2)
    expect(second).toEqual(first)
    expect(third).toEqual([first[0]])
    expect(fourth).toEqual([])
  })

  it('keeps a place for each receiver', async () => {
    const one = await aReceiver()
    const other = await aReceiver()
    await log.publish({ gid: 'for-both' })

    const { sets } = await one.poll({ returnImmediately: true })
    await one.poll({ ack: Object.keys(sets), returnImmediately: true })
    await one.poll({
      ack: Object.keys((await other.poll({ returnImmediately: true })).sets),
      maxEvents: 0,
      returnImmediately: true,
    })

    const ofOther = await other.poll({ returnImmediately: true })
    expect(Object.keys(ofOther.sets)).toHaveLength(1)
    expect(Object.keys(ofOther.sets)).not.toEqual(Object.keys(sets))
  })

  it('gives no more than were asked for, and says that there are more', async () => {
    const { poll } = await aReceiver()
    for (let entry = 0; entry < 130; entry++) await log.publish({ jti: `many-${entry}` })

    const two = await poll({ maxEvents: 2, returnImmediately: true })
    const none = await poll({ maxEvents: 0, returnImmediately: true })
    const most = await poll({ maxEvents: 1000, returnImmediately: true })
    const rest = await poll({ ack: Object.keys(most.sets), returnImmediately: true })

    expect(Object.keys(two.sets)).toHaveLength(2)
    expect(two.moreAvailable).toBe(true)
    expect(none).toEqual({ status: 200, sets: {}, moreAvailable: true })
    expect(Object.keys(most.sets)).toHaveLength(100)
    expect(Object.keys(rest.sets)).toHaveLength(30)
    expect(rest.moreAvailable).toBeUndefined()
  })

  it('passes over what has no event, however much of it there is', async () => {
    const { poll } = await aReceiver()
    for (let entry = 0; entry < 520; entry++) void log.publish({ client_id: `gone-${entry}`, before: 1 })
    await log.publish({ kid: 'a-key-of-nobody' })
    await log.publish({ gid: 'behind-them' })

    const { sets } = await poll({ returnImmediately: true })

    expect(Object.keys(sets)).toHaveLength(1)
    expect(await poll({ ack: Object.keys(sets), returnImmediately: true })).toEqual({ status: 200, sets: {} })
  })

  it('waits for the next event unless it is told not to', async () => {
    const { poll } = await aReceiver()
    let isAnswered = false

    const waiting = poll({}, 1).finally(() => {
      isAnswered = true
    })
    expect(await poll({ returnImmediately: true }, 1)).toEqual({ status: 200, sets: {} })
    expect(isAnswered).toBe(false)
    await log.publish({ sid: 'at-last' })

    expect(Object.keys((await waiting).sets)).toHaveLength(1)
  })

  it('takes an event that its receiver cannot read for delivered', async () => {
    const { poll } = await aReceiver()
    await log.publish({ gid: 'unreadable' })
    const [jti = ''] = Object.keys((await poll({ returnImmediately: true })).sets)

    const next = await poll({
      setErrs: { [jti]: { err: 'invalid_request', description: 'what is this?' } },
      returnImmediately: true,
    })

    expect(next).toEqual({ status: 200, sets: {} })
  })

  it('loses none of many acknowledgements at once', async () => {
    const { poll } = await aReceiver()
    for (let entry = 0; entry < 20; entry++) await log.publish({ gid: `parallel-${entry}` })
    const { sets } = await poll({ returnImmediately: true })

    const acks = Object.keys(sets).map((jti, at) => poll({ ack: [jti], maxEvents: 0, returnImmediately: true }, at % 2))
    const statuses = (await Promise.all(acks)).map(({ status }) => status)

    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(await poll({ returnImmediately: true }, 1)).toEqual({ status: 200, sets: {} })
  })

  it.each([
    ['no JSON', 'x', 'application/json', 400],
    ['no object', '[]', 'application/json', 400],
    ['nothing', '', 'application/json', 400],
    ['a form', 'ack=x', 'application/x-www-form-urlencoded', 415],
    ['an acknowledgement that is no list', '{"ack":"x"}', 'application/json', 400],
    ['a negative number of events', '{"maxEvents":-1}', 'application/json', 400],
    ['a wait that is no boolean', '{"returnImmediately":"true"}', 'application/json', 400],
    ['too much', JSON.stringify({ ack: Array(1000).fill('x'.repeat(100)) }), 'application/json', 413],
  ])('refuses %s', async (_, body, type, status) => {
    const token = await feedToken(app, { id: 'receiver-0', secret: SECRET })

    const response = await fetch(`${app.urls[0]}/ssf/poll`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': type },
      body,
    })

    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ code: 'body_refused' })
  })

  it('[S155] says that a body without end is too much, instead of cutting it off without a word', async () => {
    const token = await feedToken(app, { id: 'receiver-0', secret: SECRET })

    expect(await pour(`${app.urls[0]}/ssf/poll`, token)).toBe(413)
  })

  it('refuses a client that may not read the revocations', async () => {
    const response = await fetch(`${app.urls[0]}/ssf/poll`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    })

    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toContain('scope="revocations:read"')
  })

  it('is found by the configuration of the transmitter, which promises nothing else', async () => {
    const response = await fetch(`${app.urls[0]}/.well-known/ssf-configuration`)

    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toContain('application/json')
    expect(await response.json()).toEqual({
      spec_version: '1_0',
      issuer: ISSUER,
      jwks_uri: `${ISSUER}/jwks`,
      delivery_methods_supported: ['urn:ietf:rfc:8936'],
      authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6749' }],
      poll_endpoint: `${ISSUER}/ssf/poll`,
    })
  })
}

it('an outside signer signs the events too', async () => {
  const keysElsewhere = await startSigningProcess()
  onTestFinished(() => keysElsewhere.close())
  const app = await start({
    config: { signer: { socket: keysElsewhere.socket, timeoutMs: 2000, atOnce: 64, newKeys: true } },
  })
  onTestFinished(() => app.close())
  const token = await feedToken(app)
  await writer((app.nodes[0] as App).store).publish({ sid: 'elsewhere' })

  const response = await fetch(`${app.issuer}/ssf/poll`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{"returnImmediately":true}',
  })
  const [set = ''] = Object.values(((await response.json()) as Polled).sets)

  const keys = createRemoteJWKSet(new URL(`${app.issuer}/jwks`))
  const { payload } = await jwtVerify(set, keys, { typ: 'secevent+jwt', audience: 'demo-machine' })
  expect(payload.sub_id).toEqual({ format: 'opaque', id: 'elsewhere' })
})

/** Sends until there is an answer, and gives its status; `undefined` when the connection is cut without one. */
function pour(address: string, token: string): Promise<number | undefined> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return new Promise((resolve) => {
    const sent = request(address, { method: 'POST', headers })
    const more = () => {
      while (!sent.destroyed && sent.write('x'.repeat(16_384)));
    }
    sent.on('drain', more)
    sent.on('response', (response) => {
      resolve(response.statusCode)
      sent.destroy()
    })
    sent.on('error', () => undefined)
    sent.on('close', () => resolve(undefined))
    more()
  })
}
