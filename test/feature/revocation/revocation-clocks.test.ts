/** A revocation that was answered with 200 holds, whatever the clock of the node that was asked says. */

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { type App, startApp } from '../../../src/app.ts'
import { createLog } from '../../../src/audit/log.ts'
import { epochSeconds } from '../../../src/base/clock.ts'
import { movableClock } from '../../support/movable-clock.ts'
import { type Running, start } from '../../support/start.ts'
import { createUserAgent, type UserAgent } from '../../support/user-agent.ts'
import {
  basic,
  CALLBACK,
  confidential,
  KINDS_OF_API,
  newCode,
  OPAQUE,
  ORDERS,
  post,
  redemption,
  SHARED,
} from '../../support/requests.ts'
import { within } from '../../support/figures.ts'

/** How far the other node is ahead. A token lives for 600 s: the fastest takes a new one for expired. */
const AHEAD_SECONDS = [-600, -20, 20, 600]

const SCOPES = { [ORDERS]: 'orders:read', [SHARED]: 'shared:read', [OPAQUE]: 'opaque:read' }

describe.each(AHEAD_SECONDS)('a node whose clock is %i s ahead', (ahead) => {
  // Stands still, so that no token expires before its turn on a machine that is slow.
  const clock = movableClock(Date.now())
  const theirs = () => clock() + ahead * 1000
  let app: Running
  let other: App
  beforeAll(async () => {
    const apis = Object.fromEntries(Object.entries(SCOPES).map(([api, scope]) => [api, [scope]]))
    app = await start({
      clock,
      apis: KINDS_OF_API,
      clients: [
        { clientId: 'spa', redirectUris: [CALLBACK], apis },
        confidential('machine', { apis }),
        confidential('api', { grantTypes: [], redirectUris: [], scopes: [], apis: {} }),
      ],
    })
    other = await startApp({ ...app.config, port: 0 }, { log: createLog({ level: 'silent' }), clock: theirs })
  })
  afterAll(async () => {
    await other.close()
    await app.close()
  })

  async function ofPerson(scope: string, agent: UserAgent = createUserAgent(app)) {
    const granted = await newCode(agent, { clientId: 'spa', redirectUri: CALLBACK, scope })
    const { body } = await post(
      `${app.issuer}/token`,
      redemption(granted, { client_id: 'spa', redirect_uri: CALLBACK }),
    )
    return body as { access_token: string; refresh_token: string; id_token: string }
  }

  async function ofMachine(resource: string) {
    const params = { grant_type: 'client_credentials', resource, scope: SCOPES[resource as keyof typeof SCOPES] }
    return String((await post(`${app.issuer}/token`, params, basic('machine'))).body.access_token)
  }

  async function isActive(token: string): Promise<boolean> {
    return (await post(`${app.issuer}/introspect`, { token }, basic('api'))).body.active === true
  }

  // What has expired by its clock a node removes from the file that they share; so the tokens in it are left out there. On
  // Redis, where nodes can have different clocks, only Redis removes them.
  const apisHere = Object.entries(SCOPES).filter(([api]) => api !== OPAQUE || ahead < 600)

  it.each(apisHere)('[B18] revokes an access token of a person for %s', async (_api, scope) => {
    const { access_token: token } = await ofPerson(`openid ${scope}`)
    expect(await isActive(token)).toBe(true)

    const answer = await post(`${other.url}/revoke`, { token, client_id: 'spa' })

    expect(answer.status).toBe(200)
    await vi.waitFor(async () => expect(await isActive(token)).toBe(false), within(5000))
  })

  it.each(apisHere)('[B18] revokes an access token of a machine for %s', async (api) => {
    const token = await ofMachine(api)
    expect(await isActive(token)).toBe(true)

    const answer = await post(`${other.url}/revoke`, { token }, basic('machine'))

    expect(answer.status).toBe(200)
    await vi.waitFor(async () => expect(await isActive(token)).toBe(false), within(5000))
  })

  it.each(['openid orders:read', 'openid offline_access opaque:read'])(
    '[B18] revokes a refresh token and its grant: %s',
    async (scope) => {
      const { access_token: token, refresh_token: refreshToken } = await ofPerson(scope)

      const answer = await post(`${other.url}/revoke`, { token: refreshToken, client_id: 'spa' })

      expect(answer.status).toBe(200)
      await vi.waitFor(async () => expect(await isActive(token)).toBe(false), within(5000))
      const request = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: 'spa' }
      expect((await post(`${app.issuer}/token`, request)).body.error).toBe('invalid_grant')
    },
  )

  it('[B18] keeps the entry until the token has expired by any clock', async () => {
    const { access_token: token } = await ofPerson('openid orders:read')
    const expiresAt = epochSeconds(clock) + 600

    await post(`${other.url}/revoke`, { token, client_id: 'spa' })

    const entries = (await app.nodes[0]?.store.read('revocations', undefined, 100)) ?? []
    const { exp } = JSON.parse(entries.at(-1)?.value ?? '{}') as { exp: number }
    expect(exp).toBeGreaterThanOrEqual(expiresAt + 60 + Math.abs(ahead))
  })

  it('[B18] leaves a token alone that expired long ago by every clock', async () => {
    const { access_token: token } = await ofPerson('openid orders:read')
    const before = (await app.nodes[0]?.store.read('revocations', undefined, 1000))?.length
    clock.moveSeconds(600 + 900 + 600 + 1)

    expect((await post(`${other.url}/revoke`, { token, client_id: 'spa' })).status).toBe(200)

    expect((await app.nodes[0]?.store.read('revocations', undefined, 1000))?.length).toBeLessThanOrEqual(before ?? 0)
  })
})

it('[B18] a node that is a minute behind takes a new ID token as the hint of a logout', async () => {
  const app = await start()
  const clock = () => Date.now() - 55_000
  const other = await startApp({ ...app.config, port: 0 }, { log: createLog({ level: 'silent' }), clock })
  const agent = createUserAgent({ issuer: app.issuer, urls: [other.url] })
  const { body } = await post(`${app.issuer}/token`, redemption(await newCode(createUserAgent(app))))

  const asked = await agent.get(`/logout?${new URLSearchParams({ id_token_hint: String(body.id_token) }).toString()}`)

  expect(asked.status).toBe(200)
  await other.close()
  await app.close()
})
