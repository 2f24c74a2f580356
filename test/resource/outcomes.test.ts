/** What an API can count of its tokens. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createVerifier, type OutcomeEvent, type VerifierOptions } from '../../src/resource/index.ts'
import { startGuardedServers } from './guarded-servers.ts'
import { AUDIENCE, mint, NOW, type StrangeIssuer, startIssuer } from './issuer.ts'

let at: StrangeIssuer
beforeAll(async () => {
  at = await startIssuer()
})
afterAll(() => at.close())

const aVerifier = (onOutcome: NonNullable<VerifierOptions['onOutcome']>, options: Partial<VerifierOptions> = {}) =>
  createVerifier({ issuer: at.issuer, audience: AUDIENCE, clock: () => NOW * 1000, onOutcome, ...options })

describe('onOutcome', () => {
  it('is told how each token fared, whether it was remembered, and how long it took', async () => {
    const events: OutcomeEvent[] = []
    const verifier = aVerifier((event) => events.push(event))
    const good = mint(at.issuer, at.ec)
    const all = [good, good, 'abc', undefined, mint(at.issuer, at.ec, { exp: NOW - 60 })]

    for (const token of all) await verifier.verify(token).catch(() => undefined)
    await verifier.verify(good, { scopes: ['admin'] }).catch(() => undefined)

    expect(events.map(({ outcome, remembered }) => [outcome, remembered])).toEqual([
      ['accepted', false],
      ['accepted', true],
      ['token_invalid', false],
      ['token_missing', false],
      ['token_expired', false],
      ['scope_insufficient', true],
    ])
    for (const { durationMs } of events) expect(durationMs).toBeGreaterThan(0)
    expect(JSON.stringify(events)).not.toContain(good)
  })

  it('is told of requests that bring no token, or bring it in the wrong place', async () => {
    const events: OutcomeEvent[] = []
    const servers = await startGuardedServers(aVerifier((event) => events.push(event)))
    for (const { origin } of servers) {
      await fetch(origin)
      await fetch(`${origin}/?access_token=x`)
    }

    expect(events.map(({ outcome }) => outcome)).toEqual(servers.flatMap(() => ['token_missing', 'token_misplaced']))
    await Promise.all(servers.map((server) => server.close()))
  })

  it('fails no request by what it throws', async () => {
    const verifier = aVerifier(() => {
      throw new Error('no counter')
    })

    await expect(verifier.verify(mint(at.issuer, at.ec))).resolves.toBeDefined()
    await expect(verifier.verify('abc')).rejects.toMatchObject({ code: 'token_invalid' })
  })

  it('is told of what is no refusal as an error', async () => {
    const events: OutcomeEvent[] = []
    const publicUrl = () => {
      throw new RangeError('no address')
    }
    const verifier = aVerifier((event) => events.push(event), { dpop: { publicUrl } })
    const request = { url: '/', headersDistinct: { authorization: ['DPoP a.b.c'], dpop: ['a.b.c'] } }

    await expect(verifier.verifyRequest(request as never)).rejects.toBeInstanceOf(RangeError)

    expect(events.map(({ outcome }) => outcome)).toEqual(['error'])
  })
})

describe('readCustom', () => {
  interface Own {
    readonly tenant: string
  }
  function readTenant({ tenant }: Readonly<Record<string, unknown>>): Own {
    if (typeof tenant !== 'string') throw new Error('no tenant')
    return { tenant }
  }
  const own = () =>
    createVerifier({ issuer: at.issuer, audience: AUDIENCE, clock: () => NOW * 1000, readCustom: readTenant })

  it('gives the claims of your own their type, frozen', async () => {
    const { custom } = await own().verify(mint(at.issuer, at.ec, { tenant: 't1' }))

    const tenant: string = custom.tenant
    expect(tenant).toBe('t1')
    expect(Object.isFrozen(custom)).toBe(true)
  })

  it('refuses a token that lacks them, and tells the caller nothing of why', async () => {
    await expect(own().verify(mint(at.issuer, at.ec))).rejects.toMatchObject({
      ...{ code: 'token_invalid', message: 'The access token lacks a claim that this API requires.' },
      detail: 'readCustom: no tenant',
    })
  })
})
