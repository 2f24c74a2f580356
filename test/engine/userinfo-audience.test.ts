/** Whether the one token that a client holds opens /userinfo besides its API, and whether the token says so. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createVerifier } from '../../src/resource/index.ts'
import { basic, CALLBACK, confidential, newCode, post, redemption, userinfo } from '../support/requests.ts'
import { type Running, start } from '../support/start.ts'
import { createUserAgent } from '../support/user-agent.ts'

describe.each([{ fastPath: true }, { fastPath: false }])('an access token for an API, with %o', (config) => {
  const KINDS = ['jwt', 'opaque'] as const
  const open = (format: string) => `https://open-${format}.example`
  const closed = (format: string) => `https://closed-${format}.example`
  const apis = KINDS.flatMap((tokenFormat) => [
    { audience: open(tokenFormat), tokenFormat, scopes: { [`open:${tokenFormat}`]: 'Read' }, opensUserinfo: true },
    { audience: closed(tokenFormat), tokenFormat, scopes: { [`closed:${tokenFormat}`]: 'Read' }, opensUserinfo: false },
  ])
  let app: Running
  beforeAll(async () => {
    app = await start({
      config,
      apis: apis.map((api) => ({ ...api, introspectedBy: ['api'] })),
      clients: [
        {
          clientId: 'spa',
          redirectUris: [CALLBACK],
          apis: Object.fromEntries(apis.map(({ audience, scopes }) => [audience, Object.keys(scopes)])),
        },
        confidential('api', { grantTypes: [], redirectUris: [], scopes: [], apis: {} }),
      ],
    })
  })
  afterAll(() => app.close())

  async function tokensOf(scope: string) {
    const granted = await newCode(createUserAgent(app), { clientId: 'spa', redirectUri: CALLBACK, scope })
    const { body } = await post(
      `${app.issuer}/token`,
      redemption(granted, { client_id: 'spa', redirect_uri: CALLBACK }),
    )
    const refreshed = await post(`${app.issuer}/token`, {
      grant_type: 'refresh_token',
      client_id: 'spa',
      refresh_token: String(body.refresh_token),
    })
    return [body, refreshed.body]
  }

  const asked = async (token: unknown) =>
    (await post(`${app.issuer}/introspect`, { token: String(token) }, basic('api'))).body

  it.each(KINDS)('[A12] names the issuer in `aud` where it opens /userinfo: %s', async (format) => {
    for (const { access_token: token, scope } of await tokensOf(`openid email open:${format}`)) {
      expect(scope).toBe(`openid email open:${format}`)
      expect(await asked(token)).toMatchObject({ active: true, aud: [open(format), app.issuer], scope })
      expect(await (await userinfo(app.issuer, token)).json()).toMatchObject({ email: 'alice@example.com' })
    }
  })

  it.each(KINDS)('[A12] is for the API alone where openid was not asked for: %s', async (format) => {
    for (const { access_token: token } of await tokensOf(`open:${format}`)) {
      expect(await asked(token)).toMatchObject({ active: true, aud: open(format), scope: `open:${format}` })
      expect((await userinfo(app.issuer, token)).status).toBe(403)
    }
  })

  it.each(KINDS)('[A12] opens /userinfo for no API that has it switched off: %s', async (format) => {
    for (const { access_token: token, scope, id_token: idToken } of await tokensOf(`openid email closed:${format}`)) {
      expect(scope).toBe(`closed:${format}`)
      expect(typeof idToken).toBe('string')
      expect(await asked(token)).toMatchObject({ active: true, aud: closed(format), scope })
      expect((await userinfo(app.issuer, token)).status).toBe(403)
    }
  })

  it('[A12] is taken by the verifier of its API, though it names the issuer as well', async () => {
    const [tokens] = await tokensOf('openid open:jwt')
    const verifier = createVerifier({ issuer: app.issuer, audience: open('jwt') })

    const claims = await verifier.verify(String(tokens?.access_token), { scopes: ['open:jwt'] })

    expect(claims.audience).toEqual([open('jwt'), app.issuer])
  })
})

it('[A12] opens /userinfo no longer once its API has that switched off', async () => {
  const api = { audience: 'https://turned.example', scopes: { 'turned:read': 'Read' } }
  const client = { clientId: 'spa', redirectUris: [CALLBACK], apis: { [api.audience]: ['turned:read'] } }
  const app = await start({ apis: [api], clients: [client] })
  const asked = { clientId: 'spa', redirectUri: CALLBACK, scope: 'openid turned:read' }
  const granted = await newCode(createUserAgent(app), asked)
  const { body } = await post(`${app.issuer}/token`, redemption(granted, { client_id: 'spa', redirect_uri: CALLBACK }))
  expect((await userinfo(app.issuer, body.access_token)).status).toBe(200)
  await Promise.all(app.nodes.map((node) => node.close()))

  const config = { issuer: app.issuer, dataDir: app.dataDir, keysDir: app.config.keysDir }
  const turned = await start({ config, apis: [{ ...api, opensUserinfo: false }], clients: [client] })
  try {
    const response = await fetch(`${turned.urls[0]}/userinfo`, {
      headers: { authorization: `Bearer ${String(body.access_token)}` },
    })
    expect(response.status).toBe(401)
  } finally {
    await turned.close()
  }
})
