/** Verifiers that know no other type of JWT than `JWT`, such as those of Spring Security and Nimbus as they come. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { judgeApi } from '../../../src/registry/judge.ts'
import { createVerifier } from '../../../src/resource/index.ts'
import { ROOT } from '../../house/root.ts'
import {
  authorize,
  basic,
  CALLBACK,
  confidential,
  newCode,
  post,
  redemption,
  userinfo,
} from '../../support/requests.ts'
import { type Running, start } from '../../support/start.ts'
import { createUserAgent } from '../../support/user-agent.ts'

const AROUND = {
  ...{ production: false, issuer: 'https://login.example', apis: [], clients: [] },
  ...{ readFile: () => '', isWeakHash: () => false },
}
const SPRING = 'https://spring.example'
const ORDERS = 'https://orders.example'
const SCOPES: Readonly<Record<string, string>> = { [SPRING]: 'test:read', [ORDERS]: 'orders:read' }
const APIS = { [SPRING]: ['test:read'], [ORDERS]: ['orders:read'] }

describe('[C2] the type of an access token', () => {
  let app: Running
  beforeAll(async () => {
    app = await start({
      apis: [
        { audience: SPRING, tokenType: 'JWT', introspectedBy: ['web'] },
        { audience: ORDERS, introspectedBy: ['web'] },
      ],
      clients: [
        confidential('web', { firstParty: true, apis: APIS }),
        // An ID token of this client names the API in `aud`, as its access tokens do.
        confidential(SPRING, { firstParty: true, apis: APIS }),
      ],
    })
  })
  afterAll(() => app.close())

  async function tokensFor(audience: string, clientId = 'web') {
    const scope = `openid ${SCOPES[audience]}`
    const granted = await newCode(createUserAgent(app), { clientId, redirectUri: CALLBACK, scope })
    const params = redemption(granted, { client_id: undefined, redirect_uri: CALLBACK })
    const { body } = await post(`${app.issuer}/token`, params, basic(encodeURIComponent(clientId)))
    return { access: String(body.access_token), id: String(body.id_token) }
  }

  async function machineToken(audience: string): Promise<string> {
    const params = { grant_type: 'client_credentials', scope: SCOPES[audience], resource: audience }
    return String((await post(`${app.issuer}/token`, params, basic('web'))).body.access_token)
  }

  it.each([
    [SPRING, 'JWT'],
    [ORDERS, 'at+jwt'],
  ])('is, for %s, %s', async (audience, typ) => {
    expect(decodeProtectedHeader((await tokensFor(audience)).access).typ).toBe(typ)
    expect(decodeProtectedHeader(await machineToken(audience)).typ).toBe(typ)
  })

  it('JWT passes a verifier that takes no other, with the keys of discovery', async () => {
    const keys = createRemoteJWKSet(new URL(`${app.issuer}/jwks`))

    const { payload } = await jwtVerify((await tokensFor(SPRING)).access, keys, {
      issuer: app.issuer,
      audience: SPRING,
      typ: 'JWT',
    })

    expect(payload.client_id).toBe('web')
  })

  it('JWT opens userinfo, is introspected and is ended like any other', async () => {
    const { access: token } = await tokensFor(SPRING)
    const introspect = async () => (await post(`${app.issuer}/introspect`, { token }, basic('web'))).body.active

    expect((await userinfo(app.issuer, token)).status).toBe(200)
    expect(await introspect()).toBe(true)
    await post(`${app.issuer}/revoke`, { token }, basic('web'))
    expect(await introspect()).toBe(false)
    expect((await userinfo(app.issuer, token)).status).toBe(401)
  })

  describe('[S90] JWT, which ID tokens have as well', () => {
    it('makes no access token of an ID token for a client that is named like the API', async () => {
      const { id } = await tokensFor(SPRING, SPRING)
      const verifier = createVerifier({ issuer: app.issuer, audience: SPRING, tokenType: 'JWT' })

      expect((await userinfo(app.issuer, id)).status).toBe(401)
      expect((await post(`${app.issuer}/introspect`, { token: id }, basic('web'))).body).toEqual({ active: false })
      await expect(verifier.verify(id)).rejects.toMatchObject({ code: 'token_invalid' })
    })

    it('makes no ID token of an access token where one is taken as a hint', async () => {
      const { access, id } = await tokensFor(SPRING, SPRING)
      const hinted = (id_token_hint: string) =>
        authorize(createUserAgent(app), { client_id: SPRING, redirect_uri: CALLBACK, prompt: 'none', id_token_hint })

      expect((await hinted(access)).location?.searchParams.get('error')).toBe('invalid_request')
      expect((await hinted(id)).location?.searchParams.get('error')).toBe('login_required')
    })
  })

  it('JWT passes our verifier only where it is told to take it', async () => {
    const { access } = await tokensFor(SPRING)
    const options = { issuer: app.issuer, audience: SPRING }

    await expect(createVerifier(options).verify(access)).rejects.toMatchObject({ code: 'token_invalid' })
    const claims = await createVerifier({ ...options, tokenType: 'JWT' }).verify(access)
    expect(claims.clientId).toBe('web')
  })

  it('[C12] goes with RS256, which every library verifies, where an API names no algorithm', () => {
    expect(judgeApi({ audience: 'https://plain.example' }, AROUND).settings?.algorithm).toBe('RS256')
    const page = readFileSync(join(ROOT, 'docs/connect-a-client.md'), 'utf8')
    for (const library of ['jsonwebtoken', 'Nimbus', 'cjose', 'python-jose']) expect(page).toContain(library)
  })

  it('JWT can still be ended by revocation after the API went back to at+jwt', async () => {
    const audience = 'https://turning.example'
    const changes = app.nodes[0]?.registration.changes
    await changes?.addApi({ audience, scopes: { 'turning:read': 'Read' }, token: { typ: 'JWT' } })
    const entry = { client_id: 'turning', grant_types: ['client_credentials'], apis: { [audience]: ['turning:read'] } }
    const { secret = '' } = (await changes?.addClient(entry)) ?? {}
    const { body } = await post(`${app.issuer}/token`, { grant_type: 'client_credentials' }, basic('turning', secret))
    const token = String(body.access_token)
    expect(decodeProtectedHeader(token).typ).toBe('JWT')
    await changes?.setApi(audience, { token: { typ: 'at+jwt' } })

    await post(`${app.issuer}/revoke`, { token }, basic('turning', secret))

    const audit = app.nodes[0]?.audit
    await audit?.settled()
    const entries = (await audit?.read(undefined, 1000)) ?? []
    expect(entries.map(({ record }) => record)).toContainEqual(
      expect.objectContaining({ event: 'token.revoked', clientId: 'turning', tokenId: decodeJwt(token).jti }),
    )
  })
})
