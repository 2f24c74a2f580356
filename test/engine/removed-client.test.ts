import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type App, startApp } from '../../src/app.ts'
import { createLog } from '../../src/audit/log.ts'
import { basic, CALLBACK, confidential, newCode, post, redemption, userinfo } from '../support/requests.ts'
import { movableClock } from '../support/movable-clock.ts'
import { type Running, start } from '../support/start.ts'
import { createUserAgent } from '../support/user-agent.ts'

const ORDERS = 'https://orders.example'
const OPAQUE = 'https://opaque.example'

describe('tokens of a client that one node does not know any more, and another still does', () => {
  let app: Running
  let without: App
  beforeAll(async () => {
    const apis = { [ORDERS]: ['orders:read'], [OPAQUE]: ['opaque:read'] }
    app = await start({
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
    const clients = app.config.clients.filter(({ clientId }) => !clientId.endsWith('gone'))
    // Its start ended what the clients had then; what another node issues later is another matter.
    const clock = movableClock(Date.now() - 60_000)
    without = await startApp({ ...app.config, clients, port: 0 }, { log: createLog({ level: 'silent' }), clock })
    clock.moveSeconds(60)
  })
  afterAll(async () => {
    await without.close()
    await app.close()
  })

  async function ofPerson(scope: string): Promise<string> {
    const granted = await newCode(createUserAgent(app), { clientId: 'gone', redirectUri: CALLBACK, scope })
    const params = redemption(granted, { client_id: 'gone', redirect_uri: CALLBACK })
    return String((await post(`${app.urls[0]}/token`, params)).body.access_token)
  }

  async function ofMachine(resource: string): Promise<string> {
    const params = {
      grant_type: 'client_credentials',
      resource,
      scope: resource === ORDERS ? 'orders:read' : 'opaque:read',
    }
    return String((await post(`${app.urls[0]}/token`, params, basic('machine-gone'))).body.access_token)
  }

  it.each([
    ['a JWT', () => ofPerson('openid orders:read')],
    ['an opaque token', () => ofPerson('openid opaque:read')],
    ['the JWT of a machine', () => ofMachine(ORDERS)],
    ['the opaque token of a machine', () => ofMachine(OPAQUE)],
  ])('%s is not active, and opens nothing', async (_kind, issue) => {
    const token = await issue()

    expect((await post(`${app.urls[0]}/introspect`, { token }, basic('api'))).body.active).toBe(true)
    const { status, text } = await post(`${without.url}/introspect`, { token }, basic('api'))

    expect({ status, text }).toEqual({ status: 200, text: '{"active":false}' })
    expect((await userinfo(without.url, token)).status).toBe(401)
  })
})
