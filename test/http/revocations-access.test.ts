/** Who may read the revocations, and for how long. */

import { createHash, randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import type { App } from '../../src/app.ts'
import { confidential, SECRET } from '../support/requests.ts'
import type { MovableClock } from '../support/movable-clock.ts'
import { type Running, start } from '../support/start.ts'
import { callEndpoint, createUserAgent, newPkce, redeem, signIn } from '../support/user-agent.ts'
import { feedToken, writer, readFeed, readPage } from './revocation-reader.ts'

const ISSUER = 'http://localhost:4999'
const ORDERS = 'https://orders.example'

describe('the feed', () => {
  let app: Running
  beforeAll(async () => {
    const rest = { redirectUris: [], grantTypes: [MACHINE] } as const
    app = await start({
      config: { issuer: ISSUER },
      clients: [
        confidential('reader', { apis: { [ISSUER]: ['revocations:read'] }, ...rest }),
        confidential('no-reader', { apis: { [ISSUER]: [] }, ...rest }),
      ],
    })
  })
  afterAll(() => app.close())

  const url = () => app.urls[0] ?? ''
  const readerToken = () => feedToken(app, { id: 'reader', secret: SECRET })

  async function tokenOf(params: Record<string, string>, id = 'demo-machine', secret = DEMO_SECRET): Promise<string> {
    const { body } = await callEndpoint(`${url()}/token`, { grant_type: MACHINE, ...params }, { id, secret })
    return body.access_token ?? JSON.stringify(body)
  }

  async function expectRefused(
    token: string | undefined,
    { status, error, code }: { status: number; error?: string; code: string },
    scheme = 'Bearer',
  ): Promise<void> {
    for (const accept of ['application/json', 'text/event-stream']) {
      const response = await fetch(`${url()}/revocations`, {
        headers: { accept, ...(token && { authorization: `${scheme} ${token}` }) },
      })
      const challenge = response.headers.get('www-authenticate')

      expect(response.status).toBe(status)
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      expect(response.headers.get('cache-control')).toBe('no-store')
      expect(challenge).toContain(`Bearer realm="${ISSUER}"`)
      expect(challenge).toContain('scope="revocations:read"')
      expect(/error="(\w+)"/.exec(challenge ?? '')?.[1]).toBe(error)
      expect(await response.json()).toMatchObject({ status, code })
    }
  }

  it('is open to a machine with the scope', async () => {
    const { response, body } = await readPage(url(), await readerToken())

    expect(response.status).toBe(200)
    expect(body).toMatchObject({ revocations: [], more: false, from_start: true })
  })

  it('asks a request without a token for one, and says nothing else', async () => {
    await expectRefused(undefined, { status: 401, code: 'token_missing' })
    await expectRefused('dXNlcjpwYXNz', { status: 401, code: 'token_missing' }, 'Basic')
  })

  it('takes no token from the query', async () => {
    const token = await readerToken()

    const response = await fetch(`${url()}/revocations?access_token=${token}`)

    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ code: 'token_misplaced' })
  })

  it('has no token for a client without the scope', async () => {
    const form = { grant_type: MACHINE, resource: ISSUER }
    const { status, body } = await callEndpoint(`${url()}/token`, form, { id: 'no-reader', secret: SECRET })

    expect({ status, error: body.error }).toEqual({ status: 400, error: 'invalid_target' })
  })

  it('is closed to a token for another API, to an ID token, and to what is no token', async () => {
    const refused = { status: 401, error: 'invalid_token', code: 'token_invalid' }
    const pkce = newPkce()
    const callback = await signIn(createUserAgent(app), pkce)
    const { body } = await redeem(url(), callback.get('code') ?? '', pkce)

    await expectRefused(await tokenOf({ resource: ORDERS, scope: 'orders:read' }), refused)
    await expectRefused(body.access_token, refused)
    await expectRefused(body.id_token, refused)
    for (const token of ['a', 'a.b.c', `${(await readerToken()).slice(0, -4)}AAAA`]) await expectRefused(token, refused)
  })

  it('is closed to a token that has expired, and ends the stream of one that expires', async () => {
    const clock = shiftedClock()
    const { url, token, isRefused } = await aReader(clock)
    const reader = await readFeed(url, token)
    expect(reader.status).toBe(200)

    clock.moveSeconds(601)

    await reader.ended()
    await isRefused()
  })

  it.each(['jti', 'client_id', 'kid'])('ends the stream of a token that is revoked by its %s', async (name) => {
    const { url, token, isRefused, store } = await aReader()
    const reader = await readFeed(url, token)
    expect(reader.status).toBe(200)
    const claims = partOf(token, name === 'kid' ? 0 : 1)

    await writer(store).publish({ [name]: claims[name] })

    await reader.ended()
    await isRefused()
  })

  it('takes a token that is bound to a DPoP key with its proof, once, and not without', async () => {
    const { url, issuer } = await aReader()
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const jwk = await exportJWK(publicKey)
    const prove = (claims: JWTPayload) =>
      new SignJWT({ jti: randomUUID(), ...claims })
        .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
        .setIssuedAt()
        .sign(privateKey)
    const asked = await fetch(`${url}/token`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${btoa(`demo-machine:${DEMO_SECRET}`)}`,
        dpop: await prove({ htm: 'POST', htu: `${issuer}/token` }),
      },
      body: new URLSearchParams({ grant_type: MACHINE, resource: issuer, scope: 'revocations:read' }),
    })
    const { access_token: token } = (await asked.json()) as { access_token: string }
    const ask = (headers: Record<string, string>) => fetch(`${url}/revocations`, { headers })
    const ath = createHash('sha256').update(token).digest('base64url')
    const proof = await prove({ htm: 'GET', htu: `${issuer}/revocations`, ath })
    const forAnother = await prove({ htm: 'POST', htu: `${issuer}/revocations`, ath })

    const bare = await ask({ authorization: `Bearer ${token}` })
    const wrong = await ask({ authorization: `DPoP ${token}`, dpop: forAnother })
    const right = await ask({ authorization: `DPoP ${token}`, dpop: proof })
    const replayed = await ask({ authorization: `DPoP ${token}`, dpop: proof })

    expect([bare, wrong, right, replayed].map(({ status }) => status)).toEqual([401, 401, 200, 401])
    expect(wrong.headers.get('www-authenticate')).toContain('DPoP realm=')
    expect(replayed.headers.get('www-authenticate')).toContain('error="invalid_dpop_proof"')
  })

  it('does not reveal the token, in no line of the log and no key of the store', async () => {
    const lines: string[] = []
    const logged = await start({ onLog: (line) => lines.push(line) })
    onTestFinished(() => logged.close())
    const token = await feedToken(logged)
    const reader = await readFeed(logged.urls[0] ?? '', token)
    await reader.until('it is current', (events) => events.length > 0)
    reader.close()
    await expect.poll(() => lines.join('')).toContain('feed_reader_left')

    expect(lines.join('')).toContain('feed_reader_connected')
    expect(lines.join('')).not.toContain(token.split('.')[2])
  })
})

/** A server of its own, with a token that opens the feed. */
async function aReader(clock?: MovableClock) {
  const app = await start(clock ? { clock } : {})
  onTestFinished(() => app.close())
  const [url = ''] = app.urls
  const token = await feedToken(app)
  return {
    issuer: app.issuer,
    url,
    token,
    store: (app.nodes[0] as App).store,
    async isRefused() {
      const { response, body } = await readPage(url, token)
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"')
      expect(body).toMatchObject({ code: 'token_invalid' })
    },
  }
}

/** Runs with the real one, which the engine goes by. */
function shiftedClock(): MovableClock {
  let shiftMs = 0
  return Object.assign(() => Date.now() + shiftMs, {
    moveSeconds(seconds: number) {
      shiftMs += seconds * 1000
    },
  })
}

const MACHINE = 'client_credentials'
const DEMO_SECRET = 'demo-machine-secret-not-for-production'

function partOf(token: string, part: number): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[part] ?? '', 'base64url').toString()) as Record<string, unknown>
}
