import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createVerifier, Refusal, type Verifier } from '../../src/resource/index.ts'
import { badTokens } from './bad-tokens.ts'
import { MIDDLEWARE, type GuardedServer, startGuardedServers } from './guarded-servers.ts'
import {
  AUDIENCE,
  hmacParts,
  mint,
  NOW,
  payload,
  publicJwk,
  rsaKey,
  type StrangeIssuer,
  signParts,
  startIssuer,
} from './issuer.ts'

let at: StrangeIssuer
let verifier: Verifier
let servers: GuardedServer[]

beforeAll(async () => {
  at = await startIssuer()
  verifier = createVerifier({ issuer: at.issuer, audience: AUDIENCE, clock: () => NOW * 1000 })
  servers = await startGuardedServers(verifier)
})

afterAll(async () => {
  await Promise.all([...servers.map((server) => server.close()), at.close()])
})

describe('a good token', () => {
  it('gives its claims under plain names (RFC 9068 section 2.2)', async () => {
    const claims = await verifier.verify(mint(at.issuer, at.ec, { jti: 'j1', sid: 's1' }), { scopes: ['orders:write'] })

    expect(claims).toMatchObject({
      issuer: at.issuer,
      subject: 'u_1',
      clientId: 'web',
      audience: [AUDIENCE],
      scopes: ['orders:read', 'orders:write'],
      issuedAt: NOW,
      expiresAt: NOW + 600,
      tokenId: 'j1',
    })
    expect(claims.payload).toMatchObject({ sid: 's1' })
    expect([claims, claims.payload, claims.scopes].every(Object.isFrozen)).toBe(true)
  })

  it('is accepted with each algorithm that the server signs with', async () => {
    for (const token of [at.rsa, at.pss, at.ec, at.ed].map((key) => mint(at.issuer, key))) {
      await expect(verifier.verify(token)).resolves.toMatchObject({ subject: 'u_1' })
    }
  })

  it('may spell its type in full, name several audiences, carry no scope and differ by the tolerated seconds', async () => {
    const good = [
      mint(at.issuer, at.ec, {}, { typ: 'application/at+jwt' }),
      mint(at.issuer, at.ec, { aud: ['https://reports.example', AUDIENCE] }),
      mint(at.issuer, at.ec, { scope: undefined }),
      mint(at.issuer, at.ec, { scope: '' }),
      mint(at.issuer, at.ec, { exp: NOW - 14 }),
      mint(at.issuer, at.ec, { iat: NOW + 15, nbf: NOW + 15 }),
    ]

    for (const token of good) await expect(verifier.verify(token)).resolves.toMatchObject({ clientId: 'web' })
  })

  it.each(MIDDLEWARE)('reaches the route behind %s with its claims', async (name) => {
    const response = await present(serverNamed(name), mint(at.issuer, at.rsa))

    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ subject: 'u_1' })
  })
})

describe('[S43] [S137] a token with bad claims', () => {
  it('is refused by every middleware, whatever is wrong with it', async () => {
    const rows = badTokens(at)
    expect(rows.length).toBeGreaterThan(60)

    for (const { name, token, code = 'token_invalid' } of rows) {
      await expect(verifier.verify(token), name).rejects.toMatchObject({ code, status: 401, error: 'invalid_token' })
      for (const server of servers) {
        const response = await present(server, token)
        expect(response.status, `${name} at ${server.name}`).toBe(401)
        expect(response.headers.get('www-authenticate'), name).toContain('error="invalid_token"')
        expect(await response.json(), name).toMatchObject({ code, status: 401 })
      }
    }
  })

  it('is refused as a value of any JSON type that is not a text', async () => {
    for (const value of [null, 0, 1, true, false, {}, [], ['a.b.c']]) {
      await expect(verifier.verify(value as unknown as string)).rejects.toBeInstanceOf(Refusal)
    }
  })

  it('is refused when its RSA key is shorter than 2048 bits, even if the issuer publishes it [S84]', async () => {
    const stranger = await startIssuer()
    const weak = rsaKey('weak', 1024)
    stranger.says.keys = [await publicJwk(weak)]
    const own = createVerifier({ issuer: stranger.issuer, audience: AUDIENCE, clock: () => NOW * 1000 })

    await expect(own.verify(mint(stranger.issuer, weak))).rejects.toMatchObject({ code: 'token_invalid' })
    await stranger.close()
  })

  it('tells nothing of the token in its message', async () => {
    for (const { token } of badTokens(at)) {
      const { message } = await verifier.verify(token).then(
        () => new Error('accepted'),
        (error: Error) => error,
      )
      expect(message).toMatch(/^(The access token|The signature|This is not)[\w .();]+$/)
    }
  })
})

describe('scopes', () => {
  it('must all be there, or the answer is 403 with all that are needed', async () => {
    const token = mint(at.issuer, at.ec, { scope: 'orders:write' })

    await expect(verifier.verify(token, { scopes: ['orders:read', 'orders:write'] })).rejects.toMatchObject({
      code: 'scope_insufficient',
      status: 403,
      needed: ['orders:read', 'orders:write'],
    })
  })

  it('are whole words: a longer or shorter one does not count', async () => {
    const token = mint(at.issuer, at.ec, { scope: 'orders:readonly orders Orders:read' })

    await expect(verifier.verify(token, { scopes: ['orders:read'] })).rejects.toMatchObject({
      code: 'scope_insufficient',
    })
  })
})

describe('HS256', () => {
  const secret = new TextEncoder().encode('a secret that API and server share, 40 b')
  const shared = (options = {}) =>
    createVerifier({ issuer: 'https://login.example', audience: AUDIENCE, secret, clock: () => NOW * 1000, ...options })
  const header = { typ: 'at+jwt', alg: 'HS256' }
  const body = payload('https://login.example')

  it('is accepted with the shared secret, without fetching anything', async () => {
    const fetch = () => Promise.reject(new Error('nothing to fetch'))

    await expect(shared({ fetch }).verify(hmacParts(header, body, secret))).resolves.toMatchObject({ subject: 'u_1' })
  })

  it('is all that a verifier with a secret accepts', async () => {
    const rsa = signParts({ typ: 'at+jwt', alg: 'RS256', kid: 'rsa-1' }, body, at.rsa)

    await expect(shared().verify(rsa)).rejects.toMatchObject({ code: 'token_invalid' })
    await expect(shared().verify(hmacParts(header, body, 'another secret of at least 32 bytes'))).rejects.toMatchObject(
      {
        code: 'token_invalid',
      },
    )
  })
})

function serverNamed(name: string): GuardedServer {
  const server = servers.find((one) => one.name === name)
  if (server === undefined) throw new Error(`no server ${name}`)
  return server
}

function present(server: GuardedServer, token: string): Promise<Response> {
  return fetch(server.origin, { headers: { authorization: `Bearer ${token}` } })
}
