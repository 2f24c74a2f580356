/** Revoked at one node, refused at the other: each kind of token, on each kind of store, nodes being processes. */

import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { describeOnEachTopology } from '../single-use/races-topologies.ts'
import { type ServerProcesses, startProcesses } from '../../support/server-process.ts'
import { createUserAgent, refresh } from '../../support/user-agent.ts'
import { basic, CALLBACK, newCode, post, redemption, SECRET } from '../../support/requests.ts'
import { expectFigure } from '../../support/figures.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const STOCK = 'https://stock.example'
const OPAQUE = 'https://opaque.example'
const WITHIN_MS = 1000
const ROUNDS = 5

describeOnEachTopology('two nodes', (topology) => {
  let nodes: ServerProcesses
  beforeAll(async () => {
    const redisUrls = await topology.open(2)
    const apis = { [STOCK]: ['stock:read'], [OPAQUE]: ['opaque:read'] }
    nodes = await startProcesses({
      count: 2,
      ...(redisUrls && { redisUrls }),
      file: {
        apis: [
          { audience: STOCK, scopes: { 'stock:read': 'Read' }, introspected_by: ['machine'] },
          {
            ...{ audience: OPAQUE, scopes: { 'opaque:read': 'Read' }, token: { format: 'opaque' } },
            introspected_by: ['machine'],
          },
        ],
        clients: [
          {
            ...{ client_id: 'spa', token_endpoint_auth_method: 'none', redirect_uris: [CALLBACK], first_party: true },
            ...{ grant_types: ['authorization_code', 'refresh_token'], apis },
          },
          { client_id: 'machine', client_secret: SECRET, grant_types: ['client_credentials'], apis },
        ],
      },
    })
  })
  afterAll(async () => {
    await nodes?.close()
    await topology.close()
  })

  async function tokensOf(scope: string): Promise<{ access_token: string; refresh_token: string }> {
    const granted = await newCode(createUserAgent(nodes), { clientId: 'spa', redirectUri: CALLBACK, scope })
    const params = redemption(granted, { client_id: 'spa', redirect_uri: CALLBACK })
    const { status, body, text } = await post(`${nodes.urls[0]}/token`, params)
    expect(status, text).toBe(200)
    return body as { access_token: string; refresh_token: string }
  }

  async function machineToken(): Promise<string> {
    const params = { grant_type: 'client_credentials', resource: STOCK, scope: 'stock:read' }
    return String((await post(`${nodes.urls[0]}/token`, params, basic('machine'))).body.access_token)
  }

  async function isActive(node: number, token: string): Promise<boolean> {
    const { status, body } = await post(`${nodes.urls[node]}/introspect`, { token }, basic('machine'))
    expect(status).toBe(200)
    return body.active === true
  }

  /** What to revoke at one node, and what then has to be dead at the other. */
  const KINDS: Readonly<Record<string, () => Promise<{ revoked: string; dead: string; as: 'spa' | 'machine' }>>> = {
    'a JWT': async () => {
      const { access_token: token } = await tokensOf('openid stock:read')
      return { revoked: token, dead: token, as: 'spa' }
    },
    'an opaque token': async () => {
      const { access_token: token } = await tokensOf('openid opaque:read')
      return { revoked: token, dead: token, as: 'spa' }
    },
    'the token of a machine': async () => {
      const token = await machineToken()
      return { revoked: token, dead: token, as: 'machine' }
    },
    'a JWT with its refresh token': async () => {
      const tokens = await tokensOf('openid offline_access stock:read')
      return { revoked: tokens.refresh_token, dead: tokens.access_token, as: 'spa' }
    },
    'a JWT of a refresh, with its refresh token': async () => {
      const { refresh_token: first } = await tokensOf('openid stock:read')
      const { body } = await refresh(nodes.urls[1] as string, first, 'spa')
      return { revoked: body.refresh_token ?? first, dead: body.access_token ?? '', as: 'spa' }
    },
  }

  it.each(Object.keys(KINDS))('[S51] %s, revoked at one, is not active at the other within a second', async (kind) => {
    for (let round = 0; round < ROUNDS; round++) {
      const { revoked, dead, as } = (await KINDS[kind]?.()) ?? { revoked: '', dead: '', as: 'spa' }
      // Both know it, and the other one remembers that it was good.
      expect([await isActive(0, dead), await isActive(1, dead), await isActive(1, dead)]).toEqual([true, true, true])

      const { status } =
        as === 'machine'
          ? await post(`${nodes.urls[0]}/revoke`, { token: revoked }, basic('machine'))
          : await post(`${nodes.urls[0]}/revoke`, { token: revoked, client_id: 'spa' })

      expect(status).toBe(200)
      const revokedAt = performance.now()
      expect(await isActive(0, dead)).toBe(false)
      while (await isActive(1, dead));
      expectFigure('ms until the other node knows', performance.now() - revokedAt, WITHIN_MS)
      expect(await isActive(1, dead)).toBe(false)
    }
  })
})
