/** An API that asks the issuer about opaque tokens (RFC 7662): what it makes of every answer, and of none. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { createVerifier, type Verifier } from '../../../src/resource/index.ts'
import { NOW, serve, stop } from '../../resource/issuer.ts'

const AUDIENCE = 'https://reports.example'

describe('[S139] an opaque token', () => {
  let running: Awaited<ReturnType<typeof serve>>
  let respond: (res: ServerResponse) => void
  let asked = 0
  let now = NOW
  const clock = () => now * 1000
  beforeAll(async () => {
    running = await serve((req, res) => answer(req, res))
  })
  afterAll(() => stop(running.server))
  beforeEach(() => {
    asked = 0
    now = NOW
    respond = say(good())
  })

  function answer(req: IncomingMessage, res: ServerResponse): void {
    if (req.url !== '/introspect') {
      const { origin } = running
      json(res, {
        issuer: origin,
        jwks_uri: `${origin}/jwks`,
        introspection_endpoint: `${origin}/introspect`,
        keys: [],
      })
      return
    }
    asked++
    respond(res)
  }

  function good(changes: object = {}): object {
    const claims = { active: true, sub: 'u_1', client_id: 'web', aud: AUDIENCE, iat: NOW, exp: NOW + 600 }
    return { ...claims, token_type: 'Bearer', scope: 'reports:read', ...changes }
  }

  function anApi(options: { keepSeconds?: number } = {}): Verifier {
    const introspection = { clientId: 'reports', clientSecret: 'a-secret-of-the-tests', ...options }
    return createVerifier({ issuer: running.origin, audience: AUDIENCE, clock, introspection })
  }

  it('is good when the issuer says so beyond doubt', async () => {
    expect(await anApi().verify('opaque')).toMatchObject({ subject: 'u_1', scopes: ['reports:read'] })
  })

  it.each([
    { active: false },
    good({ active: 'true' }),
    good({ active: 1 }),
    good({ active: [true] }),
    good({ active: undefined }),
    good({ aud: undefined }),
    good({ aud: 'https://orders.example' }),
    good({ aud: `${AUDIENCE}/` }),
    good({ aud: [] }),
    good({ exp: undefined }),
    good({ exp: String(NOW + 600) }),
    good({ exp: NOW }),
    good({ exp: NOW - 1 }),
    good({ exp: null }),
    good({ iat: NOW + 61 }),
    good({ nbf: NOW + 61 }),
    good({ iss: 'https://login.evil.example' }),
    good({ token_type: undefined }),
    good({ client_id: undefined, sub: undefined }),
    good({ cnf: { jkt: 'x' } }),
    good({ scope: ['reports:read'] }),
    {},
  ])('is refused when the issuer says %j', async (said) => {
    respond = say(said)

    await expect(anApi().verify('opaque')).rejects.toMatchObject({ status: 401 })
  })

  const SILENCES: Record<string, (res: ServerResponse) => void> = {
    'an error of 500': (res) => res.writeHead(500).end(),
    'an error of 503': (res) => res.writeHead(503, { 'retry-after': '60' }).end(),
    'an error of 401': (res) => res.writeHead(401).end(),
    'an error with a good body': (res) => res.writeHead(502).end(JSON.stringify(good())),
    'a redirect': (res) => res.writeHead(307, { location: '/elsewhere' }).end(),
    'a cut connection': (res) => res.destroy(),
    'no answer at all': () => undefined,
    'half an answer': (res) => res.writeHead(200, { 'content-length': '1000' }).write(JSON.stringify(good())),
    'something that is no JSON': (res) => res.end('active'),
    nothing: (res) => res.end(),
    'a list': say([good()]),
    'a million bytes': (res) => res.end(JSON.stringify(good({ x: 'x'.repeat(1e6) }))),
  }
  it.each(Object.keys(SILENCES))('is refused when the issuer answers with %s', async (name) => {
    respond = SILENCES[name] as (typeof SILENCES)[string]

    await expect(anApi().verify('opaque')).rejects.toMatchObject({
      status: expect.toSatisfy((s) => s === 503 || s === 401),
    })
  })

  it('counts as good for a moment without asking again, and not for longer', async () => {
    const api = anApi({ keepSeconds: 30 })
    await Promise.all(Array.from({ length: 20 }, () => api.verify('opaque')))
    expect(asked).toBe(1)
    respond = say({ active: false })
    now += 29
    await expect(api.verify('opaque')).resolves.toBeDefined()

    now += 1
    await expect(api.verify('opaque')).rejects.toMatchObject({ status: 401 })
    expect(asked).toBe(2)
  })

  it('is kept for less than a minute, whatever is configured', () => {
    for (const keepSeconds of [31, 60, 3600, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => anApi({ keepSeconds })).toThrow(TypeError)
    }
  })

  it('never counts as good beyond its end', async () => {
    respond = say(good({ exp: NOW + 5 }))
    const api = anApi({ keepSeconds: 30 })
    await api.verify('opaque')

    now += 5
    respond = SILENCES['an error of 503'] as (typeof SILENCES)[string]

    await expect(api.verify('opaque')).rejects.toMatchObject({ status: 503 })
  })

  it('that was good is not so while the issuer cannot be asked', async () => {
    const api = anApi()
    await api.verify('opaque')
    now += 31
    respond = SILENCES['a cut connection'] as (typeof SILENCES)[string]

    await expect(api.verify('opaque')).rejects.toMatchObject({ status: 503 })
  })
})

function say(body: unknown): (res: ServerResponse) => void {
  return (res) => json(res, body)
}

function json(res: ServerResponse, body: unknown): void {
  res.setHeader('content-type', 'application/json').end(JSON.stringify(body))
}
