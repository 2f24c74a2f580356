/** Tokens that were verified are remembered, and never for longer than they are good. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createVerifier, type OutcomeEvent, type Verifier, type VerifierOptions } from '../../src/resource/index.ts'
import { createTokenMemory } from '../../src/resource/token/token-memory.ts'
import { AUDIENCE, ecKey, hmacParts, mint, NOW, payload, publicJwk, type StrangeIssuer, startIssuer } from './issuer.ts'

let at: StrangeIssuer
let now: number
let events: OutcomeEvent[]

beforeEach(async () => {
  at = await startIssuer()
  now = NOW
  events = []
})
afterEach(() => at.close())

function aVerifier(options: Partial<VerifierOptions> = {}): Verifier {
  const clock = () => now * 1000
  return createVerifier({
    issuer: at.issuer,
    audience: AUDIENCE,
    clock,
    onOutcome: (event) => events.push(event),
    ...options,
  })
}

const remembered = () => events.map((event) => event.remembered)
const token = (claims: Record<string, unknown> = {}) => mint(at.issuer, at.ec, { exp: NOW + 7200, ...claims })

describe('a token that was verified', () => {
  it('is remembered, with the very same claims', async () => {
    const [verifier, same] = [aVerifier(), token()]

    const claims = [await verifier.verify(same), await verifier.verify(`${same}`)]

    expect(remembered()).toEqual([false, true])
    expect(claims[1]).toBe(claims[0])
  })

  it('is good no longer than any other', async () => {
    const [verifier, same] = [aVerifier(), token({ exp: NOW + 60 })]
    await verifier.verify(same)

    now = NOW + 74
    await expect(verifier.verify(same)).resolves.toBeDefined()
    now = NOW + 75
    await expect(verifier.verify(same)).rejects.toMatchObject({ code: 'token_expired', status: 401 })
  })

  it('is judged by its start again when the clock is set back', async () => {
    const [verifier, same] = [aVerifier(), token({ iat: NOW })]
    await verifier.verify(same)
    now = NOW - 60

    await expect(verifier.verify(same)).rejects.toMatchObject({ code: 'token_invalid' })
  })

  it('is judged by the scopes of each route', async () => {
    const [verifier, same] = [aVerifier(), token({ scope: 'orders:read' })]
    await verifier.verify(same, { scopes: ['orders:read'] })

    await expect(verifier.verify(same, { scopes: ['orders:write'] })).rejects.toMatchObject({ status: 403 })
    expect(remembered()).toEqual([false, true])
  })

  it('stands for itself only: one letter more, less or different is another token', async () => {
    const [verifier, same] = [aVerifier(), token()]
    await verifier.verify(same)

    for (const other of [`${same}A`, same.slice(0, -1), `A${same.slice(1)}`, same.toUpperCase()]) {
      await expect(verifier.verify(other)).rejects.toMatchObject({ code: 'token_invalid' })
    }
  })

  it('is forgotten when the issuer withdraws its key', async () => {
    const [verifier, same] = [aVerifier(), token()]
    await verifier.verify(same)
    at.says.keys = at.says.keys.filter(({ kid }) => kid !== 'ec-1')
    now += 601

    await expect.poll(() => verifier.verify(same).catch((error) => error.code)).toBe('token_invalid')
  })

  it('is forgotten when the issuer has another key under the same name', async () => {
    const [verifier, same] = [aVerifier(), token()]
    await verifier.verify(same)
    at.says.keys = [await publicJwk(ecKey('ec-1'))]
    now += 601

    await expect.poll(() => verifier.verify(same).catch((error) => error.code)).toBe('token_invalid')
  })

  it('is remembered across a renewal that brings the same keys', async () => {
    const [verifier, same] = [aVerifier(), token()]
    await verifier.verify(same)
    now += 601
    await verifier.verify(same)
    await expect.poll(() => at.asked.get('/jwks')).toBe(2)

    await verifier.verify(same)

    expect(remembered()).toEqual([false, true, true])
  })

  it('does not outlive the keys while the issuer is down [S138]', async () => {
    const [verifier, same] = [aVerifier(), token()]
    await verifier.verify(same)
    at.says.down = true

    now = NOW + 3599
    await expect(verifier.verify(same)).resolves.toBeDefined()
    now = NOW + 3600
    await expect(verifier.verify(same)).rejects.toMatchObject({ code: 'verifier_unavailable', status: 503 })
  })

  it('is not remembered when the API wants none to be', async () => {
    const [verifier, same] = [aVerifier({ rememberTokens: 0 }), token()]
    for (let i = 0; i < 3; i++) await verifier.verify(same)

    expect(remembered()).toEqual([false, false, false])
  })

  it('is remembered with a shared secret too', async () => {
    const secret = new Uint8Array(32).fill(1)
    const verifier = aVerifier({ secret })
    const same = hmacParts({ typ: 'at+jwt', alg: 'HS256' }, payload(at.issuer), secret)
    for (let i = 0; i < 2; i++) await verifier.verify(same)

    expect(remembered()).toEqual([false, true])
  })

  it('gives claims that no route can change for the next', async () => {
    const claims = await aVerifier().verify(token({ tenant: { id: 't1', roles: ['reader'] } }))
    const { id, roles } = claims.payload.tenant as { id: string; roles: string[] }

    expect(() => roles.push('admin')).toThrow(TypeError)
    expect(() => Object.assign(claims.payload.tenant as object, { id: 't2' })).toThrow(TypeError)
    expect(() => (claims.scopes as string[]).push('admin')).toThrow(TypeError)
    expect(id).toBe('t1')
  })
})

describe('a token that was refused', () => {
  it('is checked in full the next time', async () => {
    const verifier = aVerifier()
    const early = token({ iat: NOW + 60 })
    await expect(verifier.verify(early)).rejects.toMatchObject({ code: 'token_invalid' })
    now += 60

    await expect(verifier.verify(early)).resolves.toBeDefined()
    expect(remembered()).toEqual([false, false])
  })
})

describe('the memory', () => {
  it('holds what was used last and never more than its bounds, in tokens and in characters', () => {
    const memory = createTokenMemory<number>({ maxTokens: 100, maxCharacters: 1000 })
    const held = (names: string[]) => names.filter((name) => memory.find(name) !== undefined)
    const few = Array.from({ length: 300 }, (_, at) => `t${at}`)
    const long = Array.from({ length: 50 }, (_, at) => `${at}`.padStart(100, '-'))

    for (const [at, name] of few.entries()) {
      memory.remember(name, at)
      memory.find('t0')
    }
    expect(memory.find('t0')).toBe(0)
    expect(memory.find('t299')).toBe(299)
    expect(held(few).length).toBeLessThanOrEqual(100)
    for (const [at, name] of long.entries()) memory.remember(name, at)
    expect(held(long).length).toBeLessThanOrEqual(10)
    expect(held(long)).toContain(long.at(-1))
    memory.clear()
    expect(held([...few, ...long])).toEqual([])
  })
})
