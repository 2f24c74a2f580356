/** Tokens that are bound to a DPoP key (RFC 9449), at the verifier and behind each middleware. */

import { type IncomingMessage, request } from 'node:http'

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { createVerifier, type DpopOptions, type Verifier } from '../../src/resource/index.ts'
import { createReplayMemory } from '../../src/resource/sender/replay-memory.ts'
import { MIDDLEWARE, type GuardedServer, startGuardedServers } from './guarded-servers.ts'
import { AUDIENCE, ecKey, edKey, mint, NOW, rsaKey, type StrangeIssuer, startIssuer } from './issuer.ts'
import { createDpopClient, type Changes, type DpopClient } from './dpop-client.ts'

const URL_OF_API = 'https://orders.example/v1'
const ROUTE = `${URL_OF_API}/orders`
const SECRET = new Uint8Array(32).fill(7)

let at: StrangeIssuer
let ana: DpopClient
let now: number
let verifier: Verifier

beforeAll(async () => {
  at = await startIssuer()
  ana = await createDpopClient()
})
afterAll(() => at.close())
beforeEach(() => {
  now = NOW
  verifier = aVerifier()
})

function aVerifier(dpop: Partial<DpopOptions> = {}): Verifier {
  const clock = () => now * 1000
  return createVerifier({ issuer: at.issuer, audience: AUDIENCE, clock, dpop: { publicUrl: URL_OF_API, ...dpop } })
}

/** A token that is bound to the client's key, presented with a proof. */
function present(own = verifier, changes: Changes = {}, by: DpopClient = ana, token = boundTo(by)) {
  const proof = by.prove(token, ROUTE, { ...changes, claims: { iat: now, ...changes.claims } })
  return own.verify(token, { dpopProof: { proof, method: 'GET', url: ROUTE } })
}

function boundTo({ cnf }: DpopClient): string {
  return mint(at.issuer, at.ec, { cnf })
}

describe('a token that is bound to a DPoP key', () => {
  it.each([ecKey('p'), edKey('p'), rsaKey('p'), { ...rsaKey('p'), alg: 'PS256' as const }])(
    'is accepted with a proof of that key ($alg)',
    async (key) => {
      await expect(present(verifier, {}, await createDpopClient(key))).resolves.toMatchObject({ subject: 'u_1' })
    },
  )

  it.each<[string, Changes]>([
    ['of typ JWT', { header: { typ: 'JWT' } }],
    ['of typ at+jwt', { header: { typ: 'at+jwt' } }],
    ['without typ', { header: { typ: undefined } }],
    ['with alg none', { header: { alg: 'none' } }],
    ['with a symmetric alg', { header: { alg: 'HS256' } }],
    ['with an alg that is not allowed', { header: { alg: 'ES512' } }],
    ['that requires an extension', { header: { crit: ['x'], x: 1 } }],
    ['without a key', { header: { jwk: undefined } }],
    ['with a list of keys', { header: { jwk: [{}] } }],
    ['signed by another key', { signedBy: ecKey('other') }],
    ['without jti', { claims: { jti: undefined } }],
    ['with an empty jti', { claims: { jti: '' } }],
    ['with a jti that is a number', { claims: { jti: 7 } }],
    ['without htm', { claims: { htm: undefined } }],
    ['for another method', { claims: { htm: 'POST' } }],
    ['for the method in lower case', { claims: { htm: 'get' } }],
    ['without htu', { claims: { htu: undefined } }],
    ['for another path', { claims: { htu: `${ROUTE}/1` } }],
    ['for another host', { claims: { htu: 'https://evil.example/v1/orders' } }],
    ['for http instead of https', { claims: { htu: ROUTE.replace('https', 'http') } }],
    ['for another port', { claims: { htu: ROUTE.replace('.example', '.example:8443') } }],
    ['for an address with a user in it', { claims: { htu: ROUTE.replace('://', '://ana@') } }],
    ['for no address', { claims: { htu: '/v1/orders' } }],
    ['for an address with a backslash', { claims: { htu: 'https:\\\\orders.example/v1/orders' } }],
    ['without iat', { claims: { iat: undefined } }],
    ['with iat in text', { claims: { iat: String(NOW) } }],
    ['made 76 s ago', { claims: { iat: NOW - 76 } }],
    ['made in 16 s', { claims: { iat: NOW + 16 } }],
    ['without ath', { claims: { ath: undefined } }],
    ['for another token', { claims: { ath: 'fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo' } }],
    ['with a nonce that is no text', { claims: { nonce: 7 } }],
  ])('[S97] is refused with a proof %s', async (_name, changes) => {
    await expect(present(verifier, changes)).rejects.toMatchObject({
      ...{ code: 'dpop_proof_invalid', status: 401, error: 'invalid_dpop_proof' },
    })
  })

  it('[S97] is refused when the proof shows the private part of its key', async () => {
    const jwk = ana.key.privateKey.export({ format: 'jwk' })

    await expect(present(verifier, { header: { jwk } })).rejects.toMatchObject({ code: 'dpop_proof_invalid' })
  })

  it('is refused with a valid proof of another key, before the signature is checked', async () => {
    const ben = await createDpopClient()
    const token = boundTo(ana)
    const proof = ben.prove(token, ROUTE)

    await expect(verifier.verify(token, { dpopProof: { proof, method: 'GET', url: ROUTE } })).rejects.toMatchObject({
      ...{ code: 'dpop_proof_invalid', detail: 'the key is not that of the token' },
    })
  })

  it('[S97] is refused when its RSA key is too short', async () => {
    await expect(present(verifier, {}, await createDpopClient(rsaKey('p', 1024)))).rejects.toMatchObject({
      code: 'dpop_proof_invalid',
    })
  })

  it('[S99] is refused as a plain bearer token', async () => {
    await expect(verifier.verify(boundTo(ana))).rejects.toMatchObject({ code: 'token_invalid', status: 401 })
  })

  it('[S99] is refused with any proof by an API that takes none, or on a route that takes none', async () => {
    const plain = createVerifier({ issuer: at.issuer, audience: AUDIENCE, clock: () => NOW * 1000 })
    const token = boundTo(ana)
    const dpopProof = { proof: ana.prove(token, ROUTE), method: 'GET', url: ROUTE }

    await expect(plain.verify(token, { dpopProof })).rejects.toMatchObject({ code: 'token_invalid' })
    await expect(verifier.verify(token, { dpopProof, dpop: 'off' })).rejects.toMatchObject({ code: 'token_invalid' })
  })

  it('[S99] is the only kind that comes with a proof, and the only kind where a route requires it', async () => {
    const free = mint(at.issuer, at.ec)

    await expect(present(verifier, {}, ana, free)).rejects.toMatchObject({ code: 'token_invalid' })
    await expect(verifier.verify(free, { dpop: 'required' })).rejects.toMatchObject({ code: 'token_invalid' })
    await expect(verifier.verify(free)).resolves.toBeDefined()
  })

  it('[S101] is for an address without query and fragment, in any case of scheme and host, without the default port', async () => {
    for (const htu of [
      `${ROUTE}?page=2`,
      `${ROUTE}#top`,
      'HTTPS://Orders.EXAMPLE/v1/orders',
      'https://orders.example:443/v1/orders',
      'https://orders.example/v1/%6frders',
      'https://orders.example/v1/./orders',
    ]) {
      await expect(present(verifier, { claims: { htu } }), htu).resolves.toBeDefined()
    }
  })

  it('is remembered like any other, and its proof is asked for every time', async () => {
    const token = boundTo(ana)
    await present(verifier, {}, ana, token)

    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'token_invalid' })
    await expect(present(verifier, { claims: { htm: 'POST' } }, ana, token)).rejects.toMatchObject({
      code: 'dpop_proof_invalid',
    })
    await expect(present(verifier, {}, ana, token)).resolves.toBeDefined()
  })
})

describe('[S98] a proof', () => {
  it('is good once, for as long as it is good at all', async () => {
    const token = boundTo(ana)
    const dpopProof = { proof: ana.prove(token, ROUTE, { claims: { iat: NOW + 15 } }), method: 'GET', url: ROUTE }

    await verifier.verify(token, { dpopProof })

    for (; now <= NOW + 90; now += 10) {
      await expect(verifier.verify(token, { dpopProof }), `${now - NOW} s later`).rejects.toMatchObject({
        ...{ code: 'dpop_proof_invalid', detail: 'the proof was used before' },
      })
    }
    now = NOW + 91
    await expect(verifier.verify(token, { dpopProof })).rejects.toMatchObject({ detail: 'iat is 76 s ago' })
  })

  it('of two that arrive at once is good for one', async () => {
    const token = boundTo(ana)
    const dpopProof = { proof: ana.prove(token, ROUTE), method: 'GET', url: ROUTE }

    const outcomes = await Promise.allSettled([1, 2, 3].map(() => verifier.verify(token, { dpopProof })))

    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('that was refused may be sent again: only a good one is used up', async () => {
    const token = boundTo(ana)
    const dpopProof = { proof: ana.prove(token, ROUTE), method: 'GET', url: ROUTE }

    await expect(verifier.verify(token, { dpopProof, scopes: ['admin'] })).rejects.toMatchObject({ status: 403 })

    await expect(verifier.verify(token, { dpopProof })).resolves.toBeDefined()
  })

  it('is good once among all instances that share a memory, and 503 when that cannot be asked', async () => {
    const seen = new Map<string, number>()
    const replay = async (name: string, ttlSeconds: number) => !seen.has(name) && Boolean(seen.set(name, ttlSeconds))
    const [here, there] = [aVerifier({ replay }), aVerifier({ replay })]
    const broken = aVerifier({ replay: () => Promise.reject(new Error('no route')) })
    const token = boundTo(ana)
    const dpopProof = { proof: ana.prove(token, ROUTE), method: 'GET', url: ROUTE }

    await expect(here.verify(token, { dpopProof })).resolves.toBeDefined()
    await expect(there.verify(token, { dpopProof })).rejects.toMatchObject({ code: 'dpop_proof_invalid' })
    await expect(broken.verify(token, { dpopProof })).rejects.toMatchObject({ code: 'verifier_unavailable' })

    // From the earliest moment at which it is good to the latest: 60 s, and 15 s of tolerance at both ends.
    expect([...seen.values()]).toEqual([90])
    expect([...seen.keys()].join()).toMatch(/^[\w-]{43}$/)
  })
})

describe('the memory of proofs', () => {
  it('keeps each for its span at least, and takes no more than it can keep', () => {
    const memory = createReplayMemory({ spanSeconds: 10, clock: () => now * 1000, maxProofs: 3 })

    expect(['a', 'b', 'a'].map((name) => memory.use(name))).toEqual([true, true, false])
    now += 9.9
    expect(['c', 'd', 'a'].map((name) => memory.use(name))).toEqual([true, undefined, false])
    now += 9.9
    expect(['a', 'c', 'd'].map((name) => memory.use(name))).toEqual([false, false, undefined])
    now += 10.1
    expect(['d', 'a', 'e', 'f', 'g'].map((name) => memory.use(name))).toEqual([true, true, true, undefined, undefined])
  })

  it('keeps them for longer when the clock is set back', () => {
    const memory = createReplayMemory({ spanSeconds: 10, clock: () => now * 1000, maxProofs: 3 })
    memory.use('a')
    now -= 3600
    memory.use('b')
    now += 9
    expect(memory.use('a')).toBe(false)
  })
})

describe('[S100] a nonce', () => {
  const nonce = { secret: SECRET }
  const refusalOf = (promise: Promise<unknown>) =>
    promise.then(
      () => undefined,
      (error: { code: string; nonce?: string }) => error,
    )

  it('is demanded when it is missing or not ours, and the one that comes with the refusal is good', async () => {
    const own = aVerifier({ nonce })
    for (const wrong of [undefined, '', 'x', 'A'.repeat(22)]) {
      const refusal = await refusalOf(present(own, { claims: { nonce: wrong } }))
      expect(refusal, wrong).toMatchObject({ code: 'dpop_nonce_needed', status: 401, error: 'use_dpop_nonce' })

      await expect(present(own, { claims: { nonce: refusal?.nonce } })).resolves.toBeDefined()
    }
  })

  it('of one instance is good at every instance that has the secret, and at no other', async () => {
    const given = (await refusalOf(present(aVerifier({ nonce }))))?.nonce

    await expect(present(aVerifier({ nonce }), { claims: { nonce: given } })).resolves.toBeDefined()
    const stranger = aVerifier({ nonce: { secret: new Uint8Array(32) } })
    await expect(present(stranger, { claims: { nonce: given } })).rejects.toMatchObject({ code: 'dpop_nonce_needed' })
  })

  it('is good for its step and the next, then no more, whatever the clock of the client', async () => {
    const own = aVerifier({ nonce })
    const given = (await refusalOf(present(own)))?.nonce
    const claims = { nonce: given, iat: NOW - 86_400 }

    now = NOW + 119
    await expect(present(own, { claims })).resolves.toBeDefined()
    now = NOW + 120
    await expect(present(own, { claims })).rejects.toMatchObject({ code: 'dpop_nonce_needed' })
  })

  it('of an instance that is ahead is good at one that is behind, within the tolerance', async () => {
    now = NOW + 60
    const given = (await refusalOf(present(aVerifier({ nonce }))))?.nonce

    now = NOW + 45
    await expect(present(aVerifier({ nonce }), { claims: { nonce: given } })).resolves.toBeDefined()
    now = NOW + 44
    await expect(present(aVerifier({ nonce }), { claims: { nonce: given } })).rejects.toMatchObject({ status: 401 })
  })

  it('outlives the replacement of the secret', async () => {
    const given = (await refusalOf(present(aVerifier({ nonce }))))?.nonce
    const next = aVerifier({ nonce: { secret: [new Uint8Array(32).fill(8), SECRET] } })

    await expect(present(next, { claims: { nonce: given } })).resolves.toBeDefined()
    expect((await refusalOf(present(next)))?.nonce).not.toBe(given)
  })

  it('does not let a proof in twice while it is good', async () => {
    const own = aVerifier({ nonce })
    const given = (await refusalOf(present(own)))?.nonce
    const token = boundTo(ana)
    const dpopProof = { proof: ana.prove(token, ROUTE, { claims: { nonce: given } }), method: 'GET', url: ROUTE }

    await own.verify(token, { dpopProof })

    now = NOW + 119
    await expect(own.verify(token, { dpopProof })).rejects.toMatchObject({ detail: 'the proof was used before' })
  })
})

describe.each(MIDDLEWARE)('a DPoP request behind %s', (name) => {
  let servers: GuardedServer[] = []
  const open = async (own: Verifier, options = {}) => {
    servers = await startGuardedServers(own, { scopes: ['orders:read'], ...options })
    return String(servers.find((server) => server.name === name)?.origin)
  }
  const close = () => Promise.all(servers.map((server) => server.close()))

  it('is let in with the scheme in any case, for the public address and not for that of the request', async () => {
    const own = aVerifier({ publicUrl: 'https://orders.example' })
    const origin = await open(own)
    const token = boundTo(ana)

    for (const scheme of ['DPoP', 'dpop']) {
      const dpop = ana.prove(token, 'https://orders.example/')
      const response = await fetch(`${origin}/?page=2`, { headers: { authorization: `${scheme} ${token}`, dpop } })
      expect(response.status).toBe(200)
    }
    const dpop = ana.prove(token, `${origin}/`)
    expect((await fetch(origin, { headers: { authorization: `DPoP ${token}`, dpop } })).status).toBe(401)
    await close()
  })

  it('is challenged by both schemes, and told what is wrong in its own (RFC 9449 section 7.1)', async () => {
    const origin = await open(aVerifier({ algorithms: ['ES256', 'EdDSA'] }))
    const token = boundTo(ana)
    const rest = 'scope="orders:read"'
    const bearer = `Bearer realm="${AUDIENCE}"`
    const dpop = `DPoP realm="${AUDIENCE}"`
    const wrong =
      'error="invalid_token", error_description="The access token is bound to a key and came without a proof."'
    const proofless = 'error="invalid_dpop_proof", error_description="The DPoP proof does not hold for this request."'

    expect(await challengeOf(origin, {})).toBe(`${bearer}, ${rest}, ${dpop}, ${rest}, algs="ES256 EdDSA"`)
    expect(await challengeOf(origin, { authorization: `Bearer ${token}` })).toBe(
      `${bearer}, ${wrong}, ${rest}, ${dpop}, ${rest}, algs="ES256 EdDSA"`,
    )
    expect(await challengeOf(origin, { authorization: `DPoP ${token}` })).toBe(
      `${bearer}, ${rest}, ${dpop}, ${proofless}, ${rest}, algs="ES256 EdDSA"`,
    )
    await close()
  })

  it('is the only kind where the route requires it, and then only its scheme is offered', async () => {
    const origin = await open(aVerifier(), { dpop: 'required' })

    const response = await fetch(origin, { headers: { authorization: `Bearer ${mint(at.issuer, at.ec)}` } })

    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toMatch(/^DPoP realm="[^"]+", error="invalid_token", /)
    await close()
  })

  it('[S97] is refused with two proofs, in two headers or in one', async () => {
    const origin = await open(aVerifier({ publicUrl: 'https://orders.example' }))
    const token = boundTo(ana)
    const proofs = [1, 2].map(() => ana.prove(token, 'https://orders.example/'))

    expect(await statusWith(origin, token, proofs)).toBe(401)
    expect(await statusWith(origin, token, [proofs.join(', ')])).toBe(401)
    expect(await statusWith(origin, token, [])).toBe(401)
    expect(await statusWith(origin, token, proofs.slice(0, 1))).toBe(200)
    await close()
  })

  it('[S100] gets a nonce with its refusal, none while that is fresh, and the next one in time', async () => {
    const origin = await open(aVerifier({ publicUrl: 'https://orders.example', nonce: { secret: SECRET } }))
    const token = boundTo(ana)
    const ask = (nonce?: string | null) => {
      const dpop = ana.prove(token, 'https://orders.example/', { claims: { nonce } })
      return fetch(origin, { headers: { authorization: `DPoP ${token}`, dpop } })
    }

    const refused = await ask()
    const first = refused.headers.get('dpop-nonce')
    expect(refused.headers.get('www-authenticate')).toContain(
      'DPoP realm="https://orders.example", error="use_dpop_nonce"',
    )
    expect((await ask(first)).headers.has('dpop-nonce')).toBe(false)
    now = NOW + 60
    const later = await ask(first)
    const second = later.headers.get('dpop-nonce')

    expect([later.status, later.headers.get('cache-control')]).toEqual([200, 'no-store'])
    expect(second).not.toBe(first)
    expect((await ask(second)).status).toBe(200)
    await close()
  })
})

describe('an API with several addresses', () => {
  it('chooses among its own by the request, and never takes the one that the request claims', async () => {
    const publicUrl = ({ headers }: IncomingMessage) =>
      headers.host === 'eu.orders.example' ? 'https://eu.orders.example' : 'https://orders.example'
    const servers = await startGuardedServers(aVerifier({ publicUrl }))
    const { host } = new URL(String(servers[0]?.origin))
    const token = boundTo(ana)

    for (const [claimed, address, status] of [
      ['eu.orders.example', 'https://eu.orders.example/', 200],
      ['evil.example', 'https://evil.example/', 401],
      ['evil.example', 'https://orders.example/', 200],
    ] as const) {
      expect(await statusWith(`http://${host}`, token, [ana.prove(token, address)], claimed), address).toBe(status)
    }
    await Promise.all(servers.map((server) => server.close()))
  })
})

describe('createVerifier with dpop', () => {
  it.each([
    ['no public address', {}],
    ['an address without scheme', { publicUrl: 'orders.example' }],
    ['an address with a query', { publicUrl: 'https://orders.example?x' }],
    ['a symmetric algorithm', { publicUrl: URL_OF_API, algorithms: ['HS256'] }],
    ['no algorithm', { publicUrl: URL_OF_API, algorithms: [] }],
    ['a proof that is good for ever', { publicUrl: URL_OF_API, maxAgeSeconds: Number.POSITIVE_INFINITY }],
    ['a short nonce secret', { publicUrl: URL_OF_API, nonce: { secret: new Uint8Array(31) } }],
    ['no nonce secret', { publicUrl: URL_OF_API, nonce: { secret: [] } }],
    ['a step of no time', { publicUrl: URL_OF_API, nonce: { secret: SECRET, stepSeconds: 0 } }],
    ['an unknown option', { publicUrl: URL_OF_API, allowReplay: true }],
  ])('refuses %s with a TypeError', (_name, dpop) => {
    const options = { issuer: at.issuer, audience: AUDIENCE, dpop: dpop as unknown as DpopOptions }

    expect(() => createVerifier(options)).toThrow(TypeError)
  })
})

async function challengeOf(origin: string, headers: Record<string, string>): Promise<string | null> {
  return (await fetch(origin, { headers })).headers.get('www-authenticate')
}

/** `fetch` would join two headers and choose the host itself. */
function statusWith(origin: string, token: string, proofs: readonly string[], host = 'orders.example') {
  return new Promise<number | undefined>((resolve, reject) => {
    const lines = ['Host', host, 'Authorization', `DPoP ${token}`, ...proofs.flatMap((proof) => ['DPoP', proof])]
    request(origin, { headers: lines }, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end()
  })
}
