import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Running, start } from '../../support/start.ts'
import { ASSERTION_TYPE, basic, confidential, keyed, type Params, post, SECRET } from '../../support/requests.ts'

const POST_CLIENT = { client_id: 'by-post', client_secret: SECRET }

describe('client authentication', () => {
  const byKey = keyed('by-key')
  let app: Running
  beforeAll(async () => {
    app = await start({
      clients: [
        confidential('by-basic', { acceptedAuthMethods: ['client_secret_basic'] }),
        confidential('by-post', { authMethod: 'client_secret_post', acceptedAuthMethods: ['client_secret_post'] }),
        confidential('a client:with+odd%characters', {}),
        byKey.settings,
      ],
    })
  })
  afterAll(() => app.close())

  /** Where clients authenticate, with what a good request there holds. */
  const ENDPOINTS: Readonly<Record<string, Params>> = {
    '/token': { grant_type: 'client_credentials' },
    '/introspect': { token: 'no-token' },
    '/revoke': { token: 'no-token' },
    '/par': { response_type: 'code' },
  }
  const endpoints = Object.keys(ENDPOINTS)

  function call(path: string, params: Params, headers: Readonly<Record<string, string>> = {}) {
    return post(app.issuer + path, { ...ENDPOINTS[path], ...params }, headers)
  }

  async function expectError(answer: ReturnType<typeof call>, status: number, error: string): Promise<void> {
    const { status: actual, body, headers } = await answer
    expect({ status: actual, error: body.error }).toEqual({ status, error })
    expect(headers.get('cache-control')).toBe('no-store')
    if (status === 401) expect(headers.get('www-authenticate')).toMatch(/^Basic realm="/)
    expect(body).not.toHaveProperty('access_token')
  }

  describe('[S69] a wrong secret (RFC 6749 5.2)', () => {
    it.each(endpoints)('is 401 with a challenge at %s, and the same for an unknown client', async (path) => {
      const bodies = []
      for (const headers of [
        basic('by-basic', 'wrong'),
        basic('by-basic', `${SECRET}x`),
        basic('by-basic', SECRET.slice(1)),
        basic('nobody'),
      ]) {
        await expectError(call(path, {}, headers), 401, 'invalid_client')
        bodies.push((await call(path, {}, headers)).text)
      }
      for (const client of ['by-post', 'nobody']) {
        const params = { client_id: client, client_secret: 'wrong' }
        await expectError(call(path, params), 401, 'invalid_client')
        bodies.push((await call(path, params)).text)
      }

      expect(new Set(bodies).size).toBe(1)
    })

    it('is told from the right one', async () => {
      expect((await call('/token', {}, basic('by-basic'))).status).toBe(200)
      expect((await call('/token', POST_CLIENT)).status).toBe(200)
    })

    it('is not the stored hash of the right one', async () => {
      const hash = app.config.clients.find(({ clientId }) => clientId === 'by-basic')?.secretHash as string

      await expectError(call('/token', {}, basic('by-basic', hash)), 401, 'invalid_client')
    })
  })

  it.each(endpoints)('[S70] two methods in one request are no request at %s (RFC 6749 2.3)', async (path) => {
    const assertion = async () => ({
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: await byKey.assertion(app.issuer),
    })

    await expectError(call(path, POST_CLIENT, basic('by-post')), 400, 'invalid_request')
    await expectError(call(path, { client_secret: SECRET }, basic('by-basic')), 400, 'invalid_request')
    await expectError(call(path, await assertion(), basic('by-key')), 400, 'invalid_request')
    await expectError(call(path, { ...(await assertion()), client_secret: SECRET }), 400, 'invalid_request')
    await expectError(call(path, { client_id: 'by-post' }, basic('by-basic')), 400, 'invalid_request')
    await expectError(call(path, { ...POST_CLIENT, client_secret: [SECRET, SECRET] }), 400, 'invalid_request')
  })

  describe('[S71] the methods that a client accepts and no other', () => {
    it.each(endpoints)('at %s', async (path) => {
      const body = { client_id: 'by-basic', client_secret: SECRET }
      await expectError(call(path, body), 401, 'invalid_client')
      await expectError(call(path, {}, basic('by-post')), 401, 'invalid_client')
      await expectError(call(path, { client_id: 'by-basic' }), 401, 'invalid_client')
      await expectError(call(path, { client_id: 'by-key' }), 401, 'invalid_client')
      await expectError(call(path, {}, basic('by-key')), 401, 'invalid_client')
      await expectError(call(path, { client_id: 'by-key', client_secret: SECRET }), 401, 'invalid_client')
      await expectError(call(path, {}, basic('demo-spa')), 401, 'invalid_client')
      const claims = { iss: 'by-basic', sub: 'by-basic' }
      const assertion = await byKey.assertion(app.issuer, claims)
      const asserted = { client_assertion_type: ASSERTION_TYPE, client_assertion: assertion }
      await expectError(call(path, asserted), 401, 'invalid_client')
    })

    it('serves the assertion of the client that registered a key', async () => {
      const client_assertion = await byKey.assertion(app.issuer)

      expect((await call('/token', { client_assertion_type: ASSERTION_TYPE, client_assertion })).status).toBe(200)
    })
  })

  describe('[S72] Basic credentials are decoded strictly (RFC 6749 2.3.1, RFC 7617 2)', () => {
    const good = Buffer.from(`by-basic:${SECRET}`).toString('base64')
    const encoded = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

    it.each([
      ['the right one', `Basic ${good}`],
      ['another case of the scheme', `bASIC ${good}`],
      ['percent-encoded', encoded(`by%2Dbasic:${encodeURIComponent(SECRET)}`)],
    ])('takes %s', async (_name, authorization) => {
      expect((await call('/token', {}, { authorization })).status).toBe(200)
    })

    it('takes an identifier with a colon, plus, percent and space, encoded as a form', async () => {
      const id = new URLSearchParams({ id: 'a client:with+odd%characters' }).toString().slice(3)

      expect((await call('/token', {}, { authorization: encoded(`${id}:${SECRET}`) })).status).toBe(200)
    })

    it.each([
      ['an illegal character of base64', `Basic ${good}!`],
      ['trailing garbage', `Basic ${good} x`],
      ['a second scheme', `Basic ${good}, Bearer x`],
      ['too much padding', `Basic ${good}====`],
      ['base64url with a minus', `Basic ${good.slice(0, -4)}--__`],
      ['no colon', encoded('by-basic')],
      ['no secret', encoded('by-basic:')],
      ['no identifier', encoded(`:${SECRET}`)],
      ['nothing', 'Basic '],
      ['no credentials', 'Basic'],
      ['broken percent-encoding', encoded(`by-basic:${SECRET}%`)],
      ['half an escape', encoded(`by-basic%2:${SECRET}`)],
      ['a control character', encoded(`by-basic:${SECRET}\n`)],
      ['a zero byte', encoded(`by-basic\u0000:${SECRET}`)],
      ['an escaped zero byte', encoded(`by-basic:${SECRET}%00`)],
      ['a space before the secret', encoded(`by-basic: ${SECRET}`)],
      ['another scheme', `Bearer ${good}`],
      ['another scheme that begins alike', `Basically ${good}`],
      ['two spaces', `Basic  ${good}`],
    ])('refuses %s', async (_name, authorization) => {
      const { status, body } = await call('/token', {}, { authorization })

      expect([400, 401], JSON.stringify(body)).toContain(status)
      expect(['invalid_request', 'invalid_client']).toContain(body.error)
    })
  })
})
