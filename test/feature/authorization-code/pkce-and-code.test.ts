import { createHash, randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'

import { newGrantId, newHandle } from '../../../src/engine/adapter/handles.ts'
import { MOMENT_DIGITS } from '../../../src/store/moment.ts'
import { type Running, start } from '../../support/start.ts'
import { refresh, type UserAgent } from '../../support/user-agent.ts'
import {
  authorize,
  basic,
  CALLBACK,
  confidential,
  expectErrorAtClient,
  type Granted,
  newCode,
  type Params,
  post,
  redemption,
  signedIn,
  userinfo,
} from '../../support/requests.ts'

// Behind the kind, the shard and the moment.
const RANDOM_FROM = 3 + MOMENT_DIGITS

const S256 = (verifier: string) => createHash('sha256').update(verifier).digest('base64url')

describe('PKCE and authorization codes', () => {
  let app: Running
  let alice: UserAgent
  beforeAll(async () => {
    app = await start({
      clients: [
        confidential('web'),
        confidential('legacy', { legacyWithoutPkce: true }),
        { clientId: 'other', redirectUris: [CALLBACK] },
      ],
    })
    alice = await signedIn(app)
  })
  afterAll(() => app.close())
  afterEach(() => vi.useRealTimers())

  function redeem(granted: Granted, params: Params = {}, headers = {}) {
    return post(`${app.issuer}/token`, redemption(granted, params), headers)
  }

  async function expectRefused(answer: ReturnType<typeof redeem>, ...errors: string[]): Promise<void> {
    const { status, body } = await answer
    expect(status, JSON.stringify(body)).toBe(400)
    expect(errors.length === 0 ? ['invalid_grant'] : errors).toContain(body.error)
    expect(Object.keys(body).sort()).toEqual(['error', 'error_description'])
  }

  async function expectServed(answer: ReturnType<typeof redeem>) {
    const { status, body } = await answer
    expect(status, JSON.stringify(body)).toBe(200)
    return body
  }

  const none = { code_challenge: undefined, code_challenge_method: undefined }

  describe('[S27] a request without code_challenge (RFC 9700 2.1.1)', () => {
    it('is refused to public and to confidential clients', async () => {
      expectErrorAtClient(await authorize(alice, none), 'invalid_request')
      const web = { client_id: 'web', redirect_uri: CALLBACK }
      expectErrorAtClient(await authorize(alice, { ...web, ...none }), 'invalid_request', CALLBACK)
    })

    it('is served to a client marked as legacy', async () => {
      const granted = await newCode(alice, { clientId: 'legacy', redirectUri: CALLBACK, params: none })
      const params = { client_id: undefined, redirect_uri: CALLBACK, code_verifier: undefined }

      await expectServed(redeem(granted, params, basic('legacy')))
    })
  })

  it('[S28] neither takes nor advertises the method plain', async () => {
    const verifier = randomBytes(32).toString('base64url')
    for (const method of ['plain', 'S512', 's256', '', undefined]) {
      const answer = await authorize(alice, { code_challenge: verifier, code_challenge_method: method })
      expectErrorAtClient(answer, 'invalid_request')
    }

    const discovery = await fetch(`${app.issuer}/.well-known/openid-configuration`)
    expect(await discovery.json()).toMatchObject({ code_challenge_methods_supported: ['S256'] })
  })

  describe('[S29] the form of challenge and verifier (RFC 7636 4.1, 4.2)', () => {
    it.each([
      ['too short', 'x'.repeat(42)],
      ['too long', 'x'.repeat(129)],
      ['padded', `${'x'.repeat(43)}=`],
      ['not base64url', `${'x'.repeat(42)}+`],
      ['a space', `${'x'.repeat(42)} x`],
    ])('a challenge that is %s is refused', async (_name, challenge) => {
      expectErrorAtClient(await authorize(alice, { code_challenge: challenge }), 'invalid_request')
    })

    it.each([
      ['too short', 'x'.repeat(42)],
      ['too long', 'x'.repeat(129)],
      ['with illegal characters', `${'x'.repeat(43)}+`],
      ['not ASCII', `${'x'.repeat(43)}é`],
    ])('a verifier that is %s is refused, even where its hash is right', async (_name, verifier) => {
      const granted = await newCode(alice, { params: { code_challenge: S256(verifier) } })

      await expectRefused(redeem(granted, { code_verifier: verifier }), 'invalid_grant', 'invalid_request')
    })
  })

  describe('[S30] the downgrade (RFC 9700 4.8.2)', () => {
    it('is refused: a verifier where no challenge was', async () => {
      const granted = await newCode(alice, { clientId: 'legacy', redirectUri: CALLBACK, params: none })
      const params = { client_id: undefined, redirect_uri: CALLBACK }

      await expectRefused(redeem(granted, params, basic('legacy')))
    })

    it('is refused: no verifier where a challenge was', async () => {
      for (const verifier of [undefined, '']) {
        await expectRefused(redeem(await newCode(alice), { code_verifier: verifier }))
      }
    })

    it('is refused to a legacy client that sent a challenge', async () => {
      const granted = await newCode(alice, { clientId: 'legacy', redirectUri: CALLBACK })
      const params = { client_id: undefined, redirect_uri: CALLBACK, code_verifier: undefined }

      await expectRefused(redeem(granted, params, basic('legacy')))
    })
  })

  it('[S31] spends the code on a wrong verifier: the right one comes too late', async () => {
    const granted = await newCode(alice)

    await expectRefused(redeem(granted, { code_verifier: 'x'.repeat(43) }))

    await expectRefused(redeem(granted))
  })

  it('[S32] serves a code once, and ends its tokens when it is used again (RFC 6749 4.1.2)', async () => {
    const granted = await newCode(alice)
    const tokens = await expectServed(redeem(granted))

    await expectRefused(redeem(granted))

    expect((await refresh(app.issuer, String(tokens.refresh_token))).body.error).toBe('invalid_grant')
    expect((await userinfo(app.issuer, tokens.access_token)).status).toBe(401)
  })

  describe('[S34] a code lives for 60 seconds', () => {
    it.each([
      [58, 200],
      [61, 400],
    ])('after %i s the answer is %i', async (seconds, status) => {
      const agent = await signedIn(app)
      const granted = await newCode(agent)
      vi.useFakeTimers({ toFake: ['Date'] })
      vi.setSystemTime(Date.now() + seconds * 1000)

      const answer = await redeem(granted)

      expect(answer.status).toBe(status)
      if (status === 400) expect(answer.body.error).toBe('invalid_grant')
    })

    it('at most, whatever the configuration says', async () => {
      const { LIFETIMES } = await import('../../../src/config/file/lifetimes.ts')

      expect(LIFETIMES.authorization_code).toMatchObject({ default: '60s', longest: '60s' })
    })
  })

  it('[S35] is of no use to another client, which cannot spend it either', async () => {
    const granted = await newCode(alice)

    await expectRefused(redeem(granted, { client_id: 'other' }))
    await expectRefused(redeem(granted, { client_id: undefined }, basic('web')))

    await expectServed(redeem(granted))
  })

  describe('[S37] the entropy of a code', () => {
    it('is that of its 256 random bits: unique, and even over all symbols', () => {
      const grantId = newGrantId(undefined)
      const codes = Array.from({ length: 10_000 }, () => newHandle('AuthorizationCode', grantId, 0))
      const random = codes.map((code) => code.slice(RANDOM_FROM))

      expect(new Set(codes).size).toBe(codes.length)
      expect(Math.min(...random.map(({ length }) => length))).toBe(43)
      // The last symbol carries 4 of its 6 bits, so it is left out. 63 degrees of freedom: 127 is one in a million.
      expect(chiSquare(random.map((code) => code.slice(0, 42)).join(''))).toBeLessThan(127)
    })

    it('has nothing of the session: two codes of one share no more than kind, shard and the beginning of the moment', async () => {
      const [one, two] = [await newCode(alice), await newCode(alice)]

      expect(one.code.slice(0, 3)).toBe(two.code.slice(0, 3))
      expect(sharedLength(one.code.slice(RANDOM_FROM), two.code.slice(RANDOM_FROM))).toBeLessThan(5)
      for (const [, cookie] of alice.cookies) expect(cookie).not.toContain(one.code.slice(3, 12))
    })
  })

  it('[S38] is opaque: with any character changed it is unknown, and the code itself is not spent by that', async () => {
    const granted = await newCode(alice)
    const { code } = granted
    const altered = Array.from(code, (character, at) => {
      return code.slice(0, at) + (character === 'A' ? 'B' : 'A') + code.slice(at + 1)
    })

    for (const other of [...altered, code.slice(0, -1), `${code}A`, code.toUpperCase(), ` ${code}`, `${code}\u0000`]) {
      await expectRefused(redeem({ ...granted, code: other }))
    }

    await expectServed(redeem(granted))
  })

  it('does not let a code of one browser be redeemed with the verifier of another', async () => {
    const [mine, theirs] = [await newCode(alice), await newCode(await signedIn(app))]

    await expectRefused(redeem({ code: mine.code, pkce: theirs.pkce }))
  })
})

function chiSquare(text: string): number {
  const counts = new Map<string, number>()
  for (const symbol of text) counts.set(symbol, (counts.get(symbol) ?? 0) + 1)
  const expected = text.length / 64
  const present = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
  return present + (64 - counts.size) * expected
}

function sharedLength(one: string, two: string): number {
  const differs = Array.from(one).findIndex((symbol, at) => symbol !== two[at])
  return differs < 0 ? one.length : differs
}
