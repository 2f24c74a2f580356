import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Running, start } from '../../support/start.ts'
import { callEndpoint, createUserAgent, newPkce, redeem, signIn } from '../../support/user-agent.ts'

const VAULT = 'https://vault.example'
const WEB = { id: 'demo-web', secret: 'demo-web-secret-not-for-production' }

describe('an API with opaque tokens', () => {
  let app: Running
  beforeAll(async () => {
    app = await start({
      apis: [
        {
          audience: VAULT,
          tokenFormat: 'opaque',
          scopes: { 'vault:open': 'Open the vault' },
          introspectedBy: [WEB.id],
        },
      ],
      clients: [{ clientId: 'safe', apis: { [VAULT]: ['vault:open'] } }],
    })
  })
  afterAll(() => app.close())

  async function token(scope: string): Promise<string> {
    const pkce = newPkce()
    const options = { clientId: 'safe', redirectUri: 'http://localhost:4999/callback', scope }
    const callback = await signIn(createUserAgent(app), pkce, options)
    const { body } = await redeem(app.issuer, callback.get('code') ?? '', pkce, options)
    return body.access_token ?? ''
  }

  const userinfo = (value: string) => fetch(`${app.issuer}/userinfo`, { headers: { authorization: `Bearer ${value}` } })

  it('opens userinfo as a JWT does, as far as it was granted', async () => {
    const opaque = await token('openid email vault:open')
    expect(opaque).not.toContain('.')

    const answer = await userinfo(opaque)

    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ email: 'alice@example.com' })
  })

  it('does not open userinfo without the scope openid', async () => {
    expect((await userinfo(await token('vault:open'))).status).toBe(403)
  })

  it('says at introspection what it is for', async () => {
    const value = await token('openid vault:open')

    const { body } = await callEndpoint(`${app.issuer}/introspect`, { token: value }, WEB)

    expect(body).toMatchObject({
      active: true,
      aud: [VAULT, app.issuer],
      scope: 'openid vault:open',
      client_id: 'safe',
    })
    // Who logs the answer does not log the token.
    expect(JSON.stringify(body)).not.toContain(value)
  })
})
