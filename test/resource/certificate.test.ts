/** Tokens that are bound to a client's certificate (RFC 8705 section 3), over real TLS. */

import { createHash } from 'node:crypto'
import { createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createVerifier, nodeBearer, type Verifier } from '../../src/resource/index.ts'
import { aCertificate } from './certificates.ts'
import { startGuardedServers } from './guarded-servers.ts'
import { AUDIENCE, mint, NOW, type StrangeIssuer, startIssuer, stop } from './issuer.ts'
import { createDpopClient } from './dpop-client.ts'

const [ours, anas, bens] = [aCertificate('127.0.0.1'), aCertificate('ana'), aCertificate('ben')]
const x5t = (der: Uint8Array) => ({ 'x5t#S256': createHash('sha256').update(der).digest('base64url') })

let at: StrangeIssuer
let verifier: Verifier
let bound: string
let server: ReturnType<typeof createServer>

beforeAll(async () => {
  at = await startIssuer()
  verifier = createVerifier({ issuer: at.issuer, audience: AUDIENCE, clock: () => NOW * 1000 })
  bound = mint(at.issuer, at.ec, { cnf: x5t(anas.der) })
  const bearer = nodeBearer(verifier)
  // The authorization server decides whose certificate it is; here it only has to be the same.
  server = createServer({ ...ours, requestCert: true, rejectUnauthorized: false }, (req, res) => {
    void bearer(req, res).then((claims) => claims && res.end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

afterAll(async () => {
  await stop(server as unknown as Parameters<typeof stop>[0])
  await at.close()
})

describe('[S103] a token that is bound to a certificate', () => {
  it('is accepted over a connection with that certificate, again and again', async () => {
    for (let round = 0; round < 3; round++) expect(await statusOf(bound, anas)).toBe(200)
  })

  it('is refused with 401 over a connection with another certificate, or with none, even when it is remembered', async () => {
    expect(await statusOf(bound, bens)).toBe(401)
    expect(await statusOf(bound)).toBe(401)
    expect(await statusOf(bound, anas)).toBe(200)
    expect(await statusOf(bound, bens)).toBe(401)
  })

  it('is refused over plain HTTP behind every middleware', async () => {
    const servers = await startGuardedServers(verifier)
    for (const { name, origin } of servers) {
      const response = await fetch(origin, { headers: { authorization: `Bearer ${bound}` } })
      expect(response.status, name).toBe(401)
      expect(response.headers.get('www-authenticate'), name).toContain('error="invalid_token"')
    }
    await Promise.all(servers.map((server) => server.close()))
  })

  it('leaves a token that is bound to nothing alone', async () => {
    expect(await statusOf(mint(at.issuer, at.ec), bens)).toBe(200)
  })

  it('is judged by what the proxy says, where a proxy ends TLS, in DER or PEM', async () => {
    const behind = createVerifier({
      ...{ issuer: at.issuer, audience: AUDIENCE, clock: () => NOW * 1000 },
      certificate: ({ headers }) => decodeURIComponent(String(headers['x-client-cert'] ?? '')),
    })
    const servers = await startGuardedServers(behind)
    for (const { name, origin } of servers) {
      const statuses = [anas.cert, bens.cert, '', 'nonsense'].map(async (pem) => {
        const headers = { authorization: `Bearer ${bound}`, 'x-client-cert': encodeURIComponent(pem) }
        return (await fetch(origin, { headers })).status
      })
      expect(await Promise.all(statuses), name).toEqual([200, 401, 401, 401])
    }
    await Promise.all(servers.map((server) => server.close()))

    await expect(verifier.verify(bound, { certificate: anas.der })).resolves.toBeDefined()
    await expect(verifier.verify(bound, { certificate: bens.der })).rejects.toMatchObject({ code: 'token_invalid' })
    await expect(verifier.verify(bound)).rejects.toMatchObject({ code: 'token_invalid' })
  })

  it('needs its DPoP proof as well, when it is bound to both', async () => {
    const ana = await createDpopClient()
    const own = createVerifier({
      ...{ issuer: at.issuer, audience: AUDIENCE, clock: () => NOW * 1000 },
      dpop: { publicUrl: AUDIENCE },
    })
    const both = mint(at.issuer, at.ec, { cnf: { ...x5t(anas.der), ...ana.cnf } })
    const sent = () => ({ dpopProof: { proof: ana.prove(both, `${AUDIENCE}/`), method: 'GET', url: `${AUDIENCE}/` } })

    await expect(own.verify(both, { ...sent(), certificate: anas.der })).resolves.toBeDefined()
    await expect(own.verify(both, sent())).rejects.toMatchObject({ code: 'token_invalid' })
    await expect(own.verify(both, { certificate: anas.der })).rejects.toMatchObject({ code: 'token_invalid' })
  })
})

describe('a token that is bound in a way that the verifier cannot check', () => {
  it.each([null, {}, [], 'x', { jkt: 7 }, { jkt: 'short' }, { 'x5t#S256': '' }, { kid: 'k' }, { jwk: {} }])(
    'is refused: cnf %j',
    async (cnf) => {
      await expect(verifier.verify(mint(at.issuer, at.ec, { cnf }))).rejects.toMatchObject({ code: 'token_invalid' })
    },
  )

  it('is refused even when it is bound in a known way too', async () => {
    const cnf = { ...x5t(anas.der), kid: 'k' }

    await expect(verifier.verify(mint(at.issuer, at.ec, { cnf }), { certificate: anas.der })).rejects.toMatchObject({
      code: 'token_invalid',
    })
  })
})

function statusOf(token: string, client?: { key: string; cert: string }): Promise<number | undefined> {
  const { port } = server.address() as AddressInfo
  const headers = { authorization: `Bearer ${token}` }
  const options = { ...{ host: '127.0.0.1', port, headers, ca: ours.cert, agent: false }, ...pairOf(client) }
  return new Promise((resolve, reject) => {
    request({ ...options, checkServerIdentity: () => undefined }, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end()
  })
}

function pairOf(client: { key: string; cert: string } | undefined) {
  return client === undefined ? {} : { key: client.key, cert: client.cert }
}
