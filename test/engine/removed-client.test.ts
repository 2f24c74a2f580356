import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { basic, CALLBACK, confidential, newCode, post, redemption, userinfo } from '../support/requests.ts'
import { within } from '../support/figures.ts'
import { type Running, start } from '../support/start.ts'
import { createUserAgent } from '../support/user-agent.ts'

const ORDERS = 'https://orders.example'
const OPAQUE = 'https://opaque.example'

describe('tokens of a client that is removed', () => {
  let app: Running
  let tokens: Record<string, string>
  beforeAll(async () => {
    const apis = { [ORDERS]: ['orders:read'], [OPAQUE]: ['opaque:read'] }
    app = await start({
      nodes: 2,
      apis: [
        { audience: OPAQUE, scopes: { 'opaque:read': 'Read' }, tokenFormat: 'opaque', introspectedBy: ['api'] },
        { audience: ORDERS, introspectedBy: ['api'] },
      ],
      clients: [
        { clientId: 'gone', redirectUris: [CALLBACK], apis },
        confidential('machine-gone', { apis }),
        confidential('api', { grantTypes: [], redirectUris: [], scopes: [], apis: {} }),
      ],
    })
    tokens = {
      jwt: await ofPerson('openid orders:read'),
      opaque: await ofPerson('openid opaque:read'),
      'jwt of a machine': await ofMachine(ORDERS),
      'opaque of a machine': await ofMachine(OPAQUE),
    }
    for (const token of Object.values(tokens)) expect(await isActive(1, token)).toBe(true)
    const clients = app.config.clients.filter(({ clientId }) => !clientId.endsWith('gone'))
    await app.nodes[0]?.reload({ ...app.config, clients })
  })
  afterAll(() => app.close())

  it.each(['jwt', 'opaque', 'jwt of a machine', 'opaque of a machine'])(
    'are not active and open nothing on any server: %s',
    async (kind) => {
      const token = tokens[kind] ?? ''
      for (const [at, url] of app.urls.entries()) {
        await vi.waitFor(async () => expect(await isActive(at, token)).toBe(false), within(1000, 20))
        expect((await userinfo(url, token)).status).toBe(401)
      }
    },
  )

  it('get no successor: the client is unknown on every server', async () => {
    for (const url of app.urls) {
      const params = { grant_type: 'client_credentials', resource: ORDERS, scope: 'orders:read' }
      await vi.waitFor(
        async () => {
          const { status, body } = await post(`${url}/token`, params, basic('machine-gone'))
          expect({ status, error: body.error }).toEqual({ status: 401, error: 'invalid_client' })
        },
        within(1000, 20),
      )
    }
  })

  it('stay refused when the client comes back', async () => {
    await app.nodes[1]?.reload(app.config)

    for (const at of [0, 1]) expect(await isActive(at, tokens.jwt ?? '')).toBe(false)
  })

  async function isActive(at: number, token: string): Promise<unknown> {
    return (await post(`${app.urls[at]}/introspect`, { token }, basic('api'))).body.active
  }

  async function ofPerson(scope: string): Promise<string> {
    const granted = await newCode(createUserAgent(app), { clientId: 'gone', redirectUri: CALLBACK, scope })
    const params = redemption(granted, { client_id: 'gone', redirect_uri: CALLBACK })
    return String((await post(`${app.urls[0]}/token`, params)).body.access_token)
  }

  async function ofMachine(resource: string): Promise<string> {
    const scope = resource === ORDERS ? 'orders:read' : 'opaque:read'
    const params = { grant_type: 'client_credentials', resource, scope }
    return String((await post(`${app.urls[0]}/token`, params, basic('machine-gone'))).body.access_token)
  }
})
