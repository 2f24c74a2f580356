/** Keys rotate under a server in use: two nodes of one issuer, and all holders of what the old keys signed. */

import { readdir, readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, type JWK, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { startApp } from '../../../src/app.ts'
import { createLog } from '../../../src/audit/log.ts'
import type { Fault } from '../../../src/faults/fault.ts'
import { RootKeyWrong } from '../../../src/faults/keyring.ts'
import { faultText } from '../../../src/i18n/fault-text.ts'
import type { Keyring } from '../../../src/keyring/keyring.ts'
import type { Ring } from '../../../src/keyring/ring/ring.ts'
import { obtainRootKeys } from '../../../src/keyring/root-key.ts'
import { openRing, sealRing } from '../../../src/keyring/ring/sealed-ring.ts'
import { keys } from '../../../src/store/keys.ts'
import { createCanaries } from '../../support/canaries.ts'
import { keyIds, secretsOf } from '../../keyring/one-node.ts'
import { type MovableClock, movableClock } from '../../support/movable-clock.ts'
import { type Running, start } from '../../support/start.ts'
import { authorizationUrl, callEndpoint, createUserAgent, newPkce, redeem, signIn } from '../../support/user-agent.ts'
import { within } from '../../support/figures.ts'

const KEYS = { rotationSeconds: 86_400, maxAgeSeconds: 120, marginSeconds: 30, waitForVerifiersSeconds: 0 }
// The clock stands in the midst of a second, and a key signs from a whole one.
const OVERLAP_SECONDS = 150 + 1
/** What is promised. */
const WITHIN_A_SECOND = within(1000, 5)
/** What a test waits where the time is not its subject. */
const SOON = within(5000, 10)
const MACHINE = { id: 'demo-machine', secret: 'demo-machine-secret-not-for-production' }

let app: Running
let clock: MovableClock
const log: string[] = []

beforeAll(async () => {
  // The engine tells the time by itself, so the clock that moves begins with it.
  clock = movableClock(Date.now())
  const pairwise = { subjectType: 'pairwise', firstParty: true } as const
  app = await start({
    nodes: 2,
    clock,
    config: { keys: KEYS },
    clients: [
      { clientId: 'in-one-sector', redirectUris: ['https://one.example/callback'], ...pairwise },
      { clientId: 'in-another', redirectUris: ['https://another.example/callback'], ...pairwise },
    ],
    onLog: (line) => log.push(line),
  })
})
afterAll(() => app?.close())

async function jwksOf(url: string): Promise<{ keys: (JWK & { kid: string })[]; headers: Headers }> {
  const response = await fetch(`${url}/jwks`)
  return { ...((await response.json()) as { keys: (JWK & { kid: string })[] }), headers: response.headers }
}

const publishedAt = async (url: string) => (await jwksOf(url)).keys.map(({ kid }) => kid).toSorted()

/** Waits until both nodes publish what this ring has. */
async function follow(ring: Keyring, within = SOON): Promise<void> {
  const expected = ring.signingJwks.map(({ kid }) => kid).toSorted()
  await vi.waitFor(async () => {
    for (const url of app.urls) expect(await publishedAt(url)).toEqual(expected)
  }, within)
}

function keyring(node = 0) {
  const { keyring: found } = app.nodes[node] as Running['nodes'][number]
  return found
}

/** A whole rotation, by the schedule of whichever node is first. */
async function rotate(): Promise<void> {
  const { keyring: published } = await keyring().rotate(undefined)
  await follow(published)
  clock.moveSeconds(OVERLAP_SECONDS)
  await vi.waitFor(async () => expect(keyIds(await keyring().refresh(), 'next')).toEqual([]), SOON)
  await follow(await keyring().refresh())
  await vi.waitFor(async () => {
    for (const url of app.urls) expect(keyIds(keyring().current(), 'signing')).toContain(await signerAt(url))
  }, SOON)
}

/** A token for a machine from this node. */
async function machineToken(url: string): Promise<string> {
  const { status, body } = await callEndpoint(`${url}/token`, { grant_type: 'client_credentials' }, MACHINE)
  expect(status, JSON.stringify(body)).toBe(200)
  return body.access_token as string
}

async function signerAt(url: string): Promise<string | undefined> {
  return decodeProtectedHeader(await machineToken(url)).kid
}

async function tokensOf(agent = createUserAgent(app), options = {}) {
  const pkce = newPkce()
  const callback = await signIn(agent, pkce, options)
  const { status, body } = await redeem(app.urls[0] as string, callback.get('code') ?? '', pkce, options)
  expect(status, JSON.stringify(body)).toBe(200)
  return { accessToken: body.access_token as string, idToken: body.id_token as string }
}

async function userinfo(url: string, accessToken: string) {
  const response = await fetch(`${url}/userinfo`, { headers: { authorization: `Bearer ${accessToken}` } })
  return { status: response.status, body: (await response.json()) as { sub?: string; error?: string } }
}

describe('a rotation', () => {
  it('[S95] [C13] breaks no token: what was signed before verifies after, at the server and with its JWKS', async () => {
    const before = await tokensOf()
    const oldKey = decodeProtectedHeader(before.accessToken).kid

    await rotate()
    const after = await tokensOf()

    expect(decodeProtectedHeader(after.accessToken).kid).not.toBe(oldKey)
    expect(decodeProtectedHeader(after.idToken).kid).not.toBe(decodeProtectedHeader(before.idToken).kid)
    for (const url of app.urls) {
      const published = createRemoteJWKSet(new URL(`${url}/jwks`))
      for (const { accessToken, idToken } of [before, after]) {
        expect(await userinfo(url, accessToken)).toMatchObject({ status: 200 })
        await jwtVerify(accessToken, published, { issuer: app.issuer, typ: 'at+jwt' })
        await jwtVerify(idToken, published, { issuer: app.issuer, audience: 'demo-spa' })
      }
    }
  })

  it('[S95] publishes the key before it signs, at both nodes within a second', async () => {
    const [signing] = keyIds(keyring().current(), 'signing', 'ES256')

    const { keyring: published } = await keyring(1).rotate('ES256')
    await follow(published, WITHIN_A_SECOND)

    for (const url of app.urls) expect(await signerAt(url)).toBe(signing)
    clock.moveSeconds(OVERLAP_SECONDS)
    const [next] = keyIds(published, 'next')
    await vi.waitFor(async () => {
      for (const url of app.urls) expect(await signerAt(url)).toBe(next)
    }, SOON)
  })

  it('[S95] changes the ETag of the JWKS, which every verifier may cache for as long as the schedule says', async () => {
    const url = app.urls[0] as string
    const before = (await jwksOf(url)).headers
    const etag = before.get('etag') as string
    expect(before.get('cache-control')).toBe(`public, max-age=${KEYS.maxAgeSeconds}`)
    expect((await fetch(`${url}/jwks`, { headers: { 'if-none-match': etag } })).status).toBe(304)

    await follow((await keyring().rotate('EdDSA')).keyring)

    const after = await fetch(`${url}/jwks`, { headers: { 'if-none-match': etag } })
    expect(after.status).toBe(200)
    expect(after.headers.get('etag')).not.toBe(etag)
    expect((await jwksOf(app.urls[1] as string)).headers.get('etag')).toBe(after.headers.get('etag'))
  })

  it('[S83] publishes public members alone, whatever the state of a key', async () => {
    await keyring().rotate(undefined)
    await follow(await keyring().refresh())

    const { keys: published } = await jwksOf(app.urls[0] as string)

    const states = new Set(
      keyring()
        .current()
        .keys.map(({ state }) => state),
    )
    expect([...states].toSorted()).toEqual(['next', 'retired', 'signing'])
    for (const jwk of published) {
      expect(jwk).toMatchObject({ kid: expect.any(String), use: 'sig', alg: expect.any(String) })
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth']) expect(jwk).not.toHaveProperty(secret)
    }
    expect(new Set(published.map(({ kid }) => kid)).size).toBe(published.length)
  })

  it('lets a request under way finish on the engine it began with', async () => {
    const old = await signerAt(app.urls[0] as string)
    const slow = beginRequest(`${app.urls[0]}/token`)
    await slow.begun

    await rotate()
    expect(await signerAt(app.urls[0] as string)).not.toBe(old)
    const answer = await slow.finish('grant_type=client_credentials')

    expect(answer.status).toBe(200)
    expect(decodeProtectedHeader(answer.accessToken).kid).toBe(old)
    await jwtVerify(answer.accessToken, createRemoteJWKSet(new URL(`${app.urls[1]}/jwks`)), { issuer: app.issuer })
  })
})

describe('a compromised key', () => {
  it('[S95] signs nothing more within a second, is not published, and opens nothing that it signed', async () => {
    const agent = createUserAgent(app)
    const { accessToken, idToken } = await tokensOf(agent)
    for (const url of app.urls) expect((await userinfo(url, accessToken)).status).toBe(200)
    const lost = [accessToken, idToken].map((token) => decodeProtectedHeader(token).kid as string)

    for (const keyId of lost) await keyring().compromise(keyId)
    await follow(await keyring().refresh(), WITHIN_A_SECOND)

    for (const url of app.urls) {
      expect(lost).not.toContain(await signerAt(url))
      for (const keyId of lost) expect(await publishedAt(url)).not.toContain(keyId)
      expect(await userinfo(url, accessToken)).toEqual({
        status: 401,
        body: expect.objectContaining({ error: 'invalid_token' }),
      })
    }
    const hinted = await agent.follow(
      await agent.get(authorizationUrl(newPkce(), { params: { prompt: 'none', id_token_hint: idToken } })),
    )
    expect(hinted.left?.searchParams.get('error')).toBe('invalid_request')
    expect((await agent.get(`/logout?id_token_hint=${idToken}`)).status).toBe(400)
    // The person is who he was; his applications get new tokens.
    expect(await isSignedIn(agent)).toBe(true)
    expect((await userinfo(app.issuer, (await tokensOf(agent)).accessToken)).status).toBe(200)
  })
})

describe('a cookie key', () => {
  it('[S109] that is rotated signs no person out, and a dropped one signs out the people it signed in', async () => {
    const agent = createUserAgent(app)
    await signIn(agent, newPkce())
    const signedByTheOld = new Map(agent.cookies)

    await turnCookieKey()
    for (const node of [0, 1]) expect(await isSignedIn(withCookies(signedByTheOld, node))).toBe(true)
    const later = createUserAgent(app)
    await signIn(later, newPkce())

    await changeRing((ring) => ({ ...ring, cookieKeys: ring.cookieKeys.slice(0, 1) }))
    for (const node of [0, 1]) {
      expect(await isSignedIn(withCookies(signedByTheOld, node))).toBe(false)
      expect(await isSignedIn(withCookies(later.cookies, node))).toBe(true)
    }
  })

  it('[S109] signs: a cookie that was altered is none', async () => {
    const agent = createUserAgent(app)
    await signIn(agent, newPkce())
    const altered = new Map(
      [...agent.cookies].map(([name, value]) => [name, name.endsWith('.sig') ? `${value.slice(0, -4)}AAAA` : value]),
    )

    expect(await isSignedIn(withCookies(agent.cookies))).toBe(true)
    expect(await isSignedIn(withCookies(altered))).toBe(false)
  })

  async function turnCookieKey(): Promise<void> {
    await follows((await keyring().rotateCookieKey()).keyring.version)
  }

  /** What time does, without the rest of what it does. */
  async function changeRing(change: (ring: Ring) => Ring): Promise<void> {
    const { store } = app.nodes[0] as Running['nodes'][number]
    for (;;) {
      const [rootKey] = await obtainRootKeys(app.config)
      const entry = await store.get(keys.keyring())
      const { ring } = openRing(entry?.value ?? '', [rootKey as Uint8Array])
      const sealed = sealRing(change(ring), rootKey as Uint8Array)
      const version = entry?.version ?? 0
      if ((await store.put(keys.keyring(), sealed, { ifVersion: version })) === 'stored') return follows(version + 1)
    }
  }

  /** Waits until both nodes use this version of the ring. */
  async function follows(version: number): Promise<void> {
    await vi.waitFor(() => {
      const used = log.map((line) => JSON.parse(line) as { event?: string; version?: number })
      const swaps = used.filter((line) => line.event === 'key_ring_in_use' && (line.version ?? 0) >= version)
      expect(swaps.length).toBeGreaterThanOrEqual(2)
    }, SOON)
  }

  function withCookies(cookies: ReadonlyMap<string, string>, node = 0) {
    const agent = createUserAgent(app, { node: () => node })
    for (const [name, value] of cookies) agent.cookies.set(name, value)
    return agent
  }
})

async function isSignedIn(agent: ReturnType<typeof createUserAgent>): Promise<boolean> {
  const { left } = await agent.follow(await agent.get(authorizationUrl(newPkce(), { params: { prompt: 'none' } })))
  const error = left?.searchParams.get('error')
  if (error !== null && error !== undefined) expect(error).toBe('login_required')
  return left?.searchParams.has('code') ?? false
}

describe('a pairwise subject', () => {
  const clients = [
    { clientId: 'in-one-sector', redirectUri: 'https://one.example/callback' },
    { clientId: 'in-another', redirectUri: 'https://another.example/callback' },
  ]

  it('[S57] differs between sectors, is one in all tokens and answers, and stays when keys rotate', async () => {
    const accountId = decodeJwt((await tokensOf()).accessToken).sub as string
    const subjects = async () => Promise.all(clients.map((client) => subjectOf(client)))

    const before = await subjects()
    await rotate()
    await keyring().rotateCookieKey()
    const after = await subjects()

    expect(after).toEqual(before)
    expect(new Set(before).size).toBe(2)
    expect(before).not.toContain(accountId)
  })

  async function subjectOf(client: (typeof clients)[number]): Promise<string> {
    const options = { ...client, scope: 'openid orders:read' }
    const { accessToken, idToken } = await tokensOf(createUserAgent(app), options)
    const { sub } = decodeJwt(idToken)
    for (const url of app.urls) expect((await userinfo(url, accessToken)).body.sub).toBe(sub)
    // The holder of the access token can read it.
    expect(decodeJwt(accessToken).sub).toBe(sub)
    return sub as string
  }
})

describe('a node with another root key', () => {
  it('does not start, says in one sentence that the canary does not open, and changes nothing', async () => {
    const { store } = app.nodes[0] as Running['nodes'][number]
    const before = await store.get(keys.keyring())
    const lines: string[] = []
    const other = { ...app.config, port: 0, rootKey: new Uint8Array(32).fill(9) }

    const starting = startApp(other, {
      log: createLog({ level: 'debug', destination: { write: (line) => lines.push(line) } }),
      clock,
    })

    await expect(starting).rejects.toThrow(RootKeyWrong)
    const told = await starting.then(
      () => 'started',
      (fault: Fault) => faultText(fault),
    )
    expect(told).toMatch(/^The canary in the store was sealed under another root key: [^.]+\.$/)
    expect(await store.get(keys.keyring())).toEqual(before)
    expect((await fetch(`${app.urls[0]}/jwks`)).status).toBe(200)
  })
})

describe('a private key', () => {
  it('[S96] stands in no log, no document, no answer of the operator port, and not in the store', async () => {
    const canaries = createCanaries()
    const plant = (ring: Keyring) => secretsOf(ring).map((secret, i) => canaries.plant(`secret ${i}`, secret))
    plant(keyring().current())
    await rotate()
    plant(keyring().current())
    const [node] = app.nodes as [Running['nodes'][number]]

    const texts = await Promise.all(
      [`${node.url}/jwks`, `${node.url}/.well-known/openid-configuration`, `${node.url}/no-such-page`]
        .concat(['/metrics', '/health/ready', '/health/live'].map((path) => node.opsUrl + path))
        .map(async (url) => (await fetch(url)).text()),
    )

    expect(canaries.count).toBeGreaterThan(15)
    expect(log.join('')).toContain('key_ring_in_use')
    expect(canaries.foundIn(Buffer.from([...log, ...texts].join('\n')))).toEqual([])
    expect(canaries.foundIn(await storedIn(app.dataDir))).toEqual([])
  })

  async function storedIn(folder: string): Promise<Buffer> {
    const files = (await readdir(folder)).filter((name) => name.startsWith('grantor.db'))
    return Buffer.concat(await Promise.all(files.map((name) => readFile(join(folder, name)))))
  }
})

/** A token request whose body comes later than its head. */
function beginRequest(url: string) {
  const answer = Promise.withResolvers<{ status: number | undefined; accessToken: string }>()
  const credentials = Buffer.from(`${MACHINE.id}:${MACHINE.secret}`).toString('base64')
  const sent = request(url, {
    method: 'POST',
    headers: {
      authorization: `Basic ${credentials}`,
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': 'grant_type=client_credentials'.length,
      // The server has read the head, and begun, when it asks for the body.
      expect: '100-continue',
    },
  })
  sent.on('error', answer.reject)
  sent.on('response', (response) => {
    json(response).then((body) => {
      answer.resolve({ status: response.statusCode, accessToken: String(Reflect.get(body as object, 'access_token')) })
    }, answer.reject)
  })
  sent.flushHeaders()
  return {
    begun: new Promise<void>((resolve) => sent.once('continue', () => resolve())),
    finish(body: string) {
      sent.end(body)
      return answer.promise
    },
  }
}
