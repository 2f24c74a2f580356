import {
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  SignJWT,
  calculateJwkThumbprint,
  createRemoteJWKSet,
  jwtVerify,
} from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { randomId } from '../../../src/base/ids.ts'
import { movableClock } from '../../support/movable-clock.ts'
import { type Running, start } from '../../support/start.ts'
import { createUserAgent, type SignInOptions, type UserAgent } from '../../support/user-agent.ts'
import {
  authorize,
  basic,
  CALLBACK,
  confidential,
  newCode,
  type Params,
  post,
  redemption,
  signedIn,
  unsigned,
  KINDS_OF_API,
  SCOPE_OF,
  ORDERS,
  SHARED,
  OPAQUE,
} from '../../support/requests.ts'
import { expectFigure } from '../../support/figures.ts'

const INVENTORY = 'https://inventory.example'

interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
  readonly id_token: string
}

describe('introspection of access tokens (RFC 7662)', () => {
  const clock = movableClock(Date.now())
  let app: Running
  let alice: UserAgent
  beforeAll(async () => {
    const orders = { [ORDERS]: ['orders:read'], [SHARED]: ['shared:read'], [OPAQUE]: ['opaque:read'] }
    app = await start({
      clock,
      apis: [...KINDS_OF_API, { audience: INVENTORY, introspectedBy: ['other-api'] }],
      clients: [
        { clientId: 'spa', redirectUris: [CALLBACK], apis: orders },
        { clientId: 'other-spa', redirectUris: ['http://localhost:4012/callback'], apis: orders },
        { clientId: 'pairwise', redirectUris: [CALLBACK], apis: orders, subjectType: 'pairwise' },
        confidential('machine', { apis: orders }),
        confidential('api', { grantTypes: [], redirectUris: [], scopes: [], apis: {} }),
        confidential('caller', { grantTypes: ['client_credentials'], apis: orders }),
        confidential('stranger', { apis: { [INVENTORY]: ['inventory:read'] } }),
        confidential('other-api', { grantTypes: [], redirectUris: [], scopes: [], apis: {} }),
      ],
    })
    alice = await signedIn(app)
  })
  afterAll(() => app.close())

  const introspect = (params: Params, headers: Readonly<Record<string, string>> = {}) => {
    return post(`${app.issuer}/introspect`, params, headers)
  }

  async function tokensOf(clientId: string, options: SignInOptions = {}, agent = alice): Promise<Tokens> {
    const granted = await newCode(agent, { clientId, redirectUri: CALLBACK, scope: 'openid orders:read', ...options })
    const params = redemption(granted, { client_id: clientId, redirect_uri: CALLBACK })
    const { status, body, text } = await post(`${app.issuer}/token`, params)
    expect(status, text).toBe(200)
    return body as unknown as Tokens
  }

  async function machineToken(resource: string = ORDERS): Promise<string> {
    const { body } = await post(
      `${app.issuer}/token`,
      { grant_type: 'client_credentials', resource, scope: SCOPE_OF[resource] },
      basic('machine'),
    )
    return String(body.access_token)
  }

  describe('[S49] of a JWT', () => {
    it('wants to know who asks', async () => {
      const { access_token: token } = await tokensOf('spa')

      expect((await introspect({ token })).status).toBe(400)
      expect((await introspect({ token, client_id: 'api' })).status).toBe(401)
      expect((await introspect({ token }, basic('api', 'wrong'))).status).toBe(401)
      expect((await introspect({ token, client_id: 'nobody' })).status).toBe(401)
      expect((await introspect({ token }, { authorization: `Bearer ${token}` })).status).toBe(400)
    })

    it.each(['spa', 'pairwise'])('tells the API what the token of the client %s itself says', async (clientId) => {
      const { access_token: token } = await tokensOf(clientId)

      const { status, body } = await introspect({ token }, basic('api'))

      expect(status).toBe(200)
      expect(body).toEqual({ ...decodeJwt(token), active: true, token_type: 'Bearer' })
      expect(Object.keys(body)).toEqual(
        expect.arrayContaining(['scope', 'client_id', 'sub', 'aud', 'iss', 'exp', 'iat', 'jti']),
      )
    })

    it('[A15] tells a public client nothing, because any caller could use its name (RFC 7662 section 2.1)', async () => {
      const { access_token: token, refresh_token: refreshToken } = await tokensOf('spa')
      const opaque = await tokensOf('spa', { scope: 'openid opaque:read' })

      const answers = []
      for (const one of [token, refreshToken, opaque.access_token, 'unknown']) {
        for (const accept of ['*/*', 'application/token-introspection+jwt']) {
          const { status, text, headers } = await introspect({ token: one, client_id: 'spa' }, { accept })
          answers.push({ status, text, type: headers.get('content-type'), asks: headers.get('www-authenticate') })
        }
      }

      expect(answers[0]).toMatchObject({ status: 401, text: expect.stringContaining('invalid_client') })
      expect(answers[0]?.asks).toContain('Basic')
      for (const answer of answers) expect(answer).toEqual(answers[0])
    })

    it('tells the same of the token of a machine, and of one that a secret signs', async () => {
      const { access_token: shared } = await tokensOf('spa', { scope: 'openid shared:read' })
      expect(decodeProtectedHeader(shared).alg).toBe('HS256')

      for (const token of [await machineToken(), await machineToken(SHARED), shared]) {
        const { body } = await introspect({ token }, basic('api'))
        expect(body).toEqual({ ...decodeJwt(token), active: true, token_type: 'Bearer' })
      }
    })

    it('tells no other client: not one that may call the API, and not one that speaks for another', async () => {
      for (const token of [(await tokensOf('spa')).access_token, await machineToken()]) {
        for (const answer of [
          await introspect({ token }, basic('stranger')),
          await introspect({ token }, basic('caller')),
          await introspect({ token }, basic('other-api')),
        ]) {
          expect({ status: answer.status, text: answer.text }).toEqual({ status: 200, text: '{"active":false}' })
        }
      }
    })

    it('is refused when the token stands twice', async () => {
      const { access_token: token } = await tokensOf('spa')

      const { status, body } = await introspect({ token: [token, token] }, basic('api'))

      expect({ status, error: body.error }).toEqual({ status: 400, error: 'invalid_request' })
    })

    it('is signed for who asks where that is wanted (RFC 9701)', async () => {
      const { access_token: token } = await tokensOf('spa')
      const wanted = { accept: 'application/token-introspection+jwt' }

      const answer = await introspect({ token }, { ...basic('api'), ...wanted })
      const inactive = await introspect({ token: 'a.b.c' }, { ...basic('api'), ...wanted })
      const notTold = await introspect({ token }, { ...basic('caller'), ...wanted })

      const keys = createRemoteJWKSet(new URL(`${app.issuer}/jwks`))
      const expected = { issuer: app.issuer, audience: 'api', typ: 'token-introspection+jwt' }
      for (const { headers } of [answer, inactive, notTold]) {
        expect(headers.get('content-type')).toMatch(/^application\/token-introspection\+jwt/)
      }
      const { payload } = await jwtVerify(answer.text, keys, expected)
      expect(payload.token_introspection).toEqual({ ...decodeJwt(token), active: true, token_type: 'Bearer' })
      expect(Object.keys(payload).sort()).toEqual(['aud', 'iat', 'iss', 'token_introspection'])
      expect((await jwtVerify(inactive.text, keys, expected)).payload.token_introspection).toEqual({ active: false })
      const { payload: other } = await jwtVerify(notTold.text, keys, { ...expected, audience: 'caller' })
      expect(other.token_introspection).toEqual({ active: false })
    })

    it('is all that a client without grant types can do', async () => {
      const granted = await newCode(alice, { clientId: 'spa', redirectUri: CALLBACK, scope: 'openid' })
      const { refresh_token } = await tokensOf('spa')
      for (const params of [
        { grant_type: 'client_credentials', resource: ORDERS, scope: 'orders:read' },
        { grant_type: 'refresh_token', refresh_token },
        redemption(granted, { client_id: undefined, redirect_uri: CALLBACK }),
      ]) {
        const { status, body } = await post(`${app.issuer}/token`, params, basic('api'))
        expect({ status, error: body.error }).toEqual({ status: 400, error: 'unauthorized_client' })
      }
      const { status } = await authorize(alice, { client_id: 'api', redirect_uri: CALLBACK })
      expect(status).toBe(400)
    })
  })

  it.each([ORDERS, OPAQUE])(
    '[S102] tells to which key the token for %s is bound (RFC 9449 section 6.2)',
    async (resource) => {
      const { privateKey, publicKey } = await generateKeyPair('ES256')
      const jwk = await exportJWK(publicKey)
      const proof = await new SignJWT({ htm: 'POST', htu: `${app.issuer}/token`, jti: randomId() })
        .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
        .setIssuedAt()
        .sign(privateKey)
      const params = { grant_type: 'client_credentials', resource, scope: SCOPE_OF[resource] }
      const issued = await post(`${app.issuer}/token`, params, { ...basic('machine'), dpop: proof })
      expect(issued.body.token_type).toBe('DPoP')
      const token = String(issued.body.access_token)
      const cnf = { jkt: await calculateJwkThumbprint(jwk) }
      if (resource === ORDERS) expect(decodeJwt(token)).toMatchObject({ cnf })

      const { body } = await introspect({ token }, basic('api'))

      expect(body).toMatchObject({ active: true, cnf, token_type: 'DPoP', aud: resource })
    },
  )

  describe('[S50] what is no token of ours is not active, and nothing else', () => {
    const LONGEST_MS = 500

    async function foreign(header: Record<string, unknown> = {}, claims: Record<string, unknown> = {}) {
      const { access_token: good } = await tokensOf('spa')
      const { privateKey, publicKey } = await generateKeyPair('ES256')
      const own = header.jwk === 'own' ? { jwk: await exportJWK(publicKey) } : {}
      return new SignJWT({ ...decodeJwt(good), ...claims })
        .setProtectedHeader({ ...decodeProtectedHeader(good), alg: 'ES256', ...header, ...own })
        .sign(privateKey)
    }

    const BAD: Record<string, () => Promise<string> | string> = {
      'a letter': () => 'x',
      'three letters': () => 'a.b.c',
      dots: () => '../..',
      'the five parts of an encrypted token': () => 'a.b.c.d.e',
      'a zero byte': () => '\u0000.\u0000.\u0000',
      'JSON in place of the compact form': () => JSON.stringify({ payload: 'e30', protected: 'e30', signature: 'e30' }),
      'what a prototype has': () => '__proto__',
      '64 kB of letters': () => 'x'.repeat(65_536),
      '64 kB of dots': () => '.'.repeat(65_536),
      '250 kB of letters': () => 'x'.repeat(250_000),
      '64 kB of letters and dots': () => 'eyJ.'.repeat(16_384),
      '50 kB with the shape of a JWT': () => `${'e'.repeat(25_000)}.${'e'.repeat(25_000)}.e`,
      'a claim in a thousand brackets': () => unsigned({ a: JSON.parse('['.repeat(1000) + ']'.repeat(1000)) }),
      'a token without signature': async () => unsigned(decodeJwt((await tokensOf('spa')).access_token)),
      'a token of another server with our key id': () => foreign(),
      'a token of another server': () => foreign({ kid: 'theirs' }, { iss: 'https://other.example' }),
      'a token that brings its key': () => foreign({ jwk: 'own' }),
      'an ID token': async () => (await tokensOf('spa')).id_token,
      'an altered token': async () => {
        const [header, payload, signature = ''] = (await tokensOf('spa')).access_token.split('.')
        return `${header}.${payload}.${(signature.startsWith('A') ? 'B' : 'A') + signature.slice(1)}`
      },
      'a code': async () => (await newCode(alice, { clientId: 'spa', redirectUri: CALLBACK })).code,
    }

    it.each(Object.keys(BAD))('%s', async (name) => {
      const token = (await BAD[name]?.()) ?? ''
      const begun = performance.now()

      const answer = await introspect({ token }, basic('api'))

      expectFigure(`ms for ${name}`, performance.now() - begun, LONGEST_MS)
      await expectTheOnlyAnswer(answer)
      for (const token_type_hint of ['access_token', 'refresh_token', 'nothing']) {
        await expectTheOnlyAnswer(await introspect({ token, token_type_hint }, basic('api')))
      }
    })

    it('a token that has expired', async () => {
      for (const token of [(await tokensOf('spa')).access_token, await machineToken()]) {
        const { exp = 0 } = decodeJwt(token)
        expect((await introspect({ token }, basic('api'))).body.active).toBe(true)
        const seconds = exp - clock() / 1000

        clock.moveSeconds(seconds - 1)
        expect((await introspect({ token }, basic('api'))).body.active).toBe(true)
        clock.moveSeconds(1)
        await expectTheOnlyAnswer(await introspect({ token }, basic('api')))
        clock.moveSeconds(-seconds)
      }
    })

    it('a token whose grant was revoked', async () => {
      const tokens = await tokensOf('spa', {}, createUserAgent(app))
      await post(`${app.issuer}/revoke`, { token: tokens.refresh_token, client_id: 'spa' })

      await expectTheOnlyAnswer(await introspect({ token: tokens.access_token }, basic('api')))
      await expectTheOnlyAnswer(await introspect({ token: tokens.refresh_token }, basic('api')))
    })

    /** The same for all of them, to the header. */
    async function expectTheOnlyAnswer({ status, text, headers }: Awaited<ReturnType<typeof introspect>>) {
      const unknown = await introspect({ token: 'unknown' }, basic('api'))
      const shape = (of: Headers) => [...of].filter(([name]) => name !== 'date' && name !== 'x-request-id')

      expect({ status, text }).toEqual({ status: 200, text: '{"active":false}' })
      expect(shape(headers)).toEqual(shape(unknown.headers))
    }
  })

  it('[S50] a wrong token_type_hint still finds the token (RFC 7662 section 2.1)', async () => {
    const tokens = await tokensOf('spa')
    const opaque = await tokensOf('spa', { scope: 'openid opaque:read' })
    for (const token_type_hint of ['access_token', 'refresh_token', 'id_token', 'x'.repeat(2000)]) {
      for (const token of [tokens.access_token, opaque.access_token]) {
        expect((await introspect({ token, token_type_hint }, basic('api'))).body.active).toBe(true)
      }
      expect((await introspect({ token: await machineToken(), token_type_hint }, basic('api'))).body.active).toBe(true)
    }
  })
})
