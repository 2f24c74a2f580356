/** Libraries send a client's secret in the header or in the body, whichever their authors chose. */

import * as openid from 'openid-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Running, start } from '../../support/start.ts'
import { basic, confidential, type Params, post, SECRET } from '../../support/requests.ts'

const ENDPOINTS: Readonly<Record<string, Params>> = {
  '/token': { grant_type: 'client_credentials' },
  '/introspect': { token: 'no-token' },
  '/revoke': { token: 'no-token' },
  '/par': {
    response_type: 'code',
    redirect_uri: 'http://localhost:4999/callback',
    scope: 'openid',
    code_challenge: 'x'.repeat(43),
    code_challenge_method: 'S256',
  },
}
const WAYS = {
  client_secret_basic: (id: string, secret = SECRET) => [{}, basic(id, secret)] as const,
  client_secret_post: (id: string, secret = SECRET) => [{ client_id: id, client_secret: secret }, {}] as const,
}
type Way = keyof typeof WAYS
const METHODS = Object.keys(WAYS) as Way[]
const other = (method: Way): Way => (method === 'client_secret_basic' ? 'client_secret_post' : 'client_secret_basic')

describe('[C3] the secret of a client', () => {
  let app: Running
  beforeAll(async () => {
    app = await start({
      clients: METHODS.flatMap((authMethod) => [
        confidential(authMethod, { authMethod }),
        confidential(`strict-${authMethod}`, { authMethod, acceptedAuthMethods: [authMethod] }),
      ]),
    })
  })
  afterAll(() => app.close())

  function call(path: string, way: Way, id: string, secret?: string) {
    const [params, headers] = WAYS[way](id, secret)
    // Among the parameters of an authorization request is the client's id (RFC 9126 section 2.1).
    const named = path === '/par' ? { client_id: id } : {}
    return post(app.issuer + path, { ...ENDPOINTS[path], ...named, ...params }, headers)
  }

  const cases = Object.keys(ENDPOINTS).flatMap((path) =>
    METHODS.flatMap((registered) => METHODS.map((sent) => [sent, path, registered] as const)),
  )

  it.each(cases)('is taken by %s at %s though %s is registered', async (sent, path, registered) => {
    const { status, text } = await call(path, sent, registered)

    expect([200, 201], text).toContain(status)
  })

  it.each(cases)('that is wrong is refused by %s at %s where %s is registered', async (sent, path, registered) => {
    const { status, body } = await call(path, sent, registered, 'wrong')

    expect({ status, error: body.error }).toEqual({ status: 401, error: 'invalid_client' })
  })

  it.each(METHODS)('is refused by another method than %s where the client accepts that alone', async (method) => {
    const id = `strict-${method}`

    expect((await call('/token', method, id)).status).toBe(200)
    const refused = await call('/token', other(method), id)

    expect({ status: refused.status, error: refused.body.error }).toEqual({ status: 401, error: 'invalid_client' })
    const reason = `right secret by ${other(method)}, but the client accepts ${method} only`
    expect(await reasonsFor(id)).toEqual([reason])
  })

  it('that is wrong is called wrong in the audit trail', async () => {
    await call('/token', 'client_secret_basic', 'demo-machine', 'wrong')

    expect(await reasonsFor('demo-machine')).toEqual(['invalid secret provided'])
  })

  it('is taken from openid-client as its own examples configure it', async () => {
    const options = { execute: [openid.allowInsecureRequests] }
    const config = await openid.discovery(new URL(app.issuer), 'client_secret_basic', SECRET, undefined, options)

    const { access_token: token } = await openid.clientCredentialsGrant(config, { scope: 'orders:read' })

    expect(token.split('.')).toHaveLength(3)
  })

  async function reasonsFor(clientId: string): Promise<(string | undefined)[]> {
    const audit = app.nodes[0]?.audit
    await audit?.settled()
    const entries = (await audit?.read(undefined, 1000)) ?? []
    return entries
      .map(({ record }) => record)
      .filter((record) => record.event === 'client.authentication_failed' && record.clientId === clientId)
      .map(({ reason }) => reason)
  }
})
