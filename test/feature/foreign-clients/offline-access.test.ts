/** Libraries that ask for `offline_access` and repeat their scopes at each refresh. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Running, start } from '../../support/start.ts'
import { createUserAgent, refresh, type SignInOptions, type UserAgent } from '../../support/user-agent.ts'
import {
  authorize,
  CALLBACK,
  expectErrorAtClient,
  newCode,
  post,
  redemption,
  signedIn,
} from '../../support/requests.ts'

const SCOPE = 'openid profile offline_access orders:read'

describe('[C1] offline_access without prompt=consent', () => {
  let app: Running
  beforeAll(async () => {
    app = await start({
      clients: [
        { clientId: 'asking' },
        { clientId: 'new' },
        { clientId: 'ours', firstParty: true },
        { clientId: 'bound', scopes: ['openid'] },
      ],
    })
  })
  afterAll(() => app.close())

  async function tokensOf(agent: UserAgent, clientId: string, more: SignInOptions = {}) {
    const granted = await newCode(agent, { clientId, redirectUri: CALLBACK, scope: SCOPE, ...more })
    const params = redemption(granted, { client_id: clientId, redirect_uri: CALLBACK })
    const { body } = await post(`${app.issuer}/token`, params)
    return { scopes: String(body.scope).split(' ').sort(), refreshToken: String(body.refresh_token) }
  }

  const request = (clientId: string, more: Record<string, string> = {}) => ({
    client_id: clientId,
    redirect_uri: CALLBACK,
    scope: SCOPE,
    ...more,
  })

  it('is named on the consent page', async () => {
    const agent = await signedIn(app)
    const { location } = await authorize(agent, request('asking'))

    const { page } = await agent.follow(await agent.get(location?.pathname ?? ''))

    expect(page?.html).toContain('Stay connected when you are not here')
  })

  it('is granted in silence where the person has agreed to it, and is consent_required where not', async () => {
    const agent = await signedIn(app)
    expectErrorAtClient(await authorize(agent, request('new', { prompt: 'none' })), 'consent_required', CALLBACK)
    await newCode(agent, { clientId: 'new', redirectUri: CALLBACK, scope: SCOPE })

    const { scopes } = await tokensOf(agent, 'new', { params: { prompt: 'none' } })

    expect(scopes).toEqual(['offline_access', 'openid', 'orders:read', 'profile'])
  })

  it.each(['asking', 'ours'])('gives %s a refresh token that takes the same scopes again', async (clientId) => {
    let { refreshToken } = await tokensOf(createUserAgent(app), clientId)
    for (const scope of [SCOPE, SCOPE, 'openid profile offline_access', 'openid offline_access unknown:scope']) {
      const { status, body } = await refresh(app.issuer, refreshToken, clientId, { scope })
      expect({ scope, status, error: body.error }).toEqual({ scope, status: 200, error: undefined })
      refreshToken = String(body.refresh_token)
    }
  })

  it('is ignored at a refresh where it was not granted', async () => {
    const { refreshToken } = await tokensOf(createUserAgent(app), 'ours', { scope: 'openid orders:read' })

    const { body } = await refresh(app.issuer, refreshToken, 'ours', { scope: 'openid offline_access orders:read' })

    expect(String(body.scope).split(' ').sort()).toEqual(['openid', 'orders:read'])
  })

  it.each(['openid orders:read orders:write', 'openid email', 'unknown:scope', 'offline_access'])(
    'leaves a refresh for "%s" refused where less was granted (RFC 6749 section 6)',
    async (scope) => {
      const { refreshToken } = await tokensOf(createUserAgent(app), 'ours', { scope: 'openid orders:read' })

      expect((await refresh(app.issuer, refreshToken, 'ours', { scope })).body.error).toBe('invalid_scope')
    },
  )

  it('is dropped where the client is not registered for it, at a refresh too', async () => {
    const scope = 'openid offline_access orders:read'
    const { scopes, refreshToken } = await tokensOf(createUserAgent(app), 'bound', { scope })

    const { status, body } = await refresh(app.issuer, refreshToken, 'bound', { scope })

    expect(scopes).toEqual(['openid', 'orders:read'])
    expect({ status, scope: body.scope }).toEqual({ status: 200, scope: 'openid orders:read' })
  })
})
