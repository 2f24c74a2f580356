import { generateKeyPairSync } from 'node:crypto'
import { calculateJwkThumbprint, importJWK, type JWK, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { randomId } from '../../../src/base/ids.ts'
import { type Running, start } from '../../support/start.ts'
import { ALICE, type UserAgent } from '../../support/user-agent.ts'
import {
  ASSERTION_TYPE,
  authorize,
  CALLBACK,
  expectErrorAtClient,
  keyed,
  newCode,
  type Params,
  post,
  redemption,
  signedIn,
  userinfo,
} from '../../support/requests.ts'

type Kind =
  | 'access token'
  | 'ID token'
  | 'logout token'
  | 'assertion'
  | 'request object'
  | 'DPoP proof'
  | 'refresh token'
  | 'code'

const KINDS: readonly Kind[] = [
  'access token',
  'ID token',
  'logout token',
  'assertion',
  'request object',
  'DPoP proof',
  'refresh token',
  'code',
]

describe('[S44] a token of one kind in the slot of another (RFC 8725 2.8, 3.11)', () => {
  const client = keyed('by-key')
  const proofKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  let app: Running
  let alice: UserAgent
  let aliceId: string
  let sign: (claims: object, typ: string) => Promise<string>
  beforeAll(async () => {
    app = await start({ clients: [client.settings] })
    alice = await signedIn(app)
    aliceId = (await app.nodes[0]?.accounts.findAccountByLogin(ALICE.login))?.id ?? ''
    sign = await signerOf(app)
  })
  afterAll(() => app.close())

  const atToken = (params: Params, headers: Readonly<Record<string, string>> = {}) => {
    return post(`${app.issuer}/token`, params, headers)
  }

  /** The most convincing of its kind: of this server or this client, for them, alive, and unused. */
  async function make(kind: Kind): Promise<string> {
    const now = Math.floor(Date.now() / 1000)
    const common = { iss: 'by-key', sub: 'by-key', aud: app.issuer, jti: randomId(), iat: now, exp: now + 60 }
    switch (kind) {
      case 'assertion':
        return client.assertion(app.issuer)
      case 'request object':
        return client.assertion(
          app.issuer,
          { ...common, client_id: 'by-key', response_type: 'code', redirect_uri: CALLBACK },
          { typ: 'oauth-authz-req+jwt' },
        )
      case 'DPoP proof':
        return proof({ ...common, htm: 'POST', htu: `${app.issuer}/token` })
      case 'logout token': {
        const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
        return sign({ ...common, iss: app.issuer, aud: 'by-key', sub: aliceId, sid: 'x', events }, 'logout+jwt')
      }
      default: {
        const granted = await newCode(alice, { clientId: 'by-key', redirectUri: CALLBACK })
        if (kind === 'code') return granted.code
        const { body } = await atToken(
          redemption(granted, { client_id: undefined, redirect_uri: CALLBACK, ...(await authentication()) }),
        )
        const name = { 'access token': 'access_token', 'ID token': 'id_token', 'refresh token': 'refresh_token' }[kind]
        return String(body[name])
      }
    }
  }

  async function proof(claims: object, typ = 'dpop+jwt'): Promise<string> {
    const jwk = proofKey.publicKey.export({ format: 'jwk' })
    return new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256', typ, jwk }).sign(proofKey.privateKey)
  }

  async function authentication(assertion?: string): Promise<Params> {
    const client_assertion = assertion ?? (await client.assertion(app.issuer))
    return { client_assertion_type: ASSERTION_TYPE, client_assertion }
  }

  const machine = { grant_type: 'client_credentials', resource: 'https://orders.example', scope: 'orders:read' }

  /** Each slot answers whether it took the token. */
  const SLOTS: Readonly<Record<string, { takes: readonly Kind[]; put: (token: string) => Promise<boolean> }>> = {
    client_assertion: {
      takes: ['assertion'],
      put: async (token) => (await atToken({ ...machine, ...(await authentication(token)) })).status === 200,
    },
    'the DPoP header': {
      takes: ['DPoP proof'],
      put: async (token) =>
        (await atToken({ ...machine, ...(await authentication()) }, { dpop: token })).status === 200,
    },
    refresh_token: {
      takes: ['refresh token'],
      put: async (token) => {
        const answer = await atToken({
          grant_type: 'refresh_token',
          refresh_token: token,
          ...(await authentication()),
        })
        return answer.status === 200
      },
    },
    code: {
      takes: [],
      put: async (code) => {
        const granted = { code, pkce: { verifier: 'x'.repeat(43), challenge: '' } }
        return (
          (await atToken(redemption(granted, { client_id: undefined, ...(await authentication()) }))).status === 200
        )
      },
    },
    'request (JAR)': {
      takes: [],
      put: async (request) => {
        const answer = await authorize(alice, { client_id: 'by-key', redirect_uri: CALLBACK, request })
        expectErrorAtClient(answer, 'request_not_supported', CALLBACK)
        return false
      },
    },
    request_uri: {
      takes: [],
      put: async (token) => {
        const answer = await authorize(alice, { client_id: 'by-key', redirect_uri: CALLBACK, request_uri: token })
        return answer.status === 303 && answer.location?.searchParams.has('error') !== true
      },
    },
    'the bearer token of userinfo': {
      takes: ['access token'],
      put: async (token) => (await userinfo(app.issuer, token)).status === 200,
    },
    'id_token_hint at the authorization endpoint': {
      takes: ['ID token'],
      put: async (hint) => {
        const params = { client_id: 'by-key', redirect_uri: CALLBACK, id_token_hint: hint, prompt: 'none' }
        return (await authorize(alice, params)).location?.searchParams.has('code') === true
      },
    },
    'id_token_hint at logout': {
      takes: ['ID token'],
      put: async (hint) => (await alice.get(`/logout?id_token_hint=${hint}`)).status === 200,
    },
    introspection: {
      takes: ['refresh token', 'access token'],
      put: async (token) => {
        const { body } = await post(`${app.issuer}/introspect`, { token, ...(await authentication()) })
        return body.active === true
      },
    },
  }

  it.each(Object.keys(SLOTS).flatMap((slot) => KINDS.map((kind) => ({ slot, kind }))))(
    '$slot and $kind',
    async ({ slot, kind }) => {
      const { takes, put } = SLOTS[slot] as (typeof SLOTS)[string]
      // A DPoP proof for a person's token is tested where DPoP is; here it only has to be told from the rest.
      const taken = await put(await make(kind))

      expect(taken).toBe(takes.includes(kind))
    },
  )

  it.each(['JWT', 'client-authentication+jwt', 'application/client-authentication+jwt'])(
    'an assertion may say that it is %s',
    async (typ) => {
      const assertion = await client.assertion(app.issuer, {}, { typ })

      expect((await atToken({ ...machine, ...(await authentication(assertion)) })).status).toBe(200)
    },
  )

  it('a proof with another type is none, and a good one binds the token to its key', async () => {
    const claims = { jti: randomId(), iat: Math.floor(Date.now() / 1000), htm: 'POST', htu: `${app.issuer}/token` }
    const other = await atToken(
      { ...machine, ...(await authentication()) },
      { dpop: await proof({ ...claims, jti: randomId() }, 'JWT') },
    )
    expect(other.body.error).toBe('invalid_dpop_proof')

    const { body } = await atToken({ ...machine, ...(await authentication()) }, { dpop: await proof(claims) })

    const jkt = await calculateJwkThumbprint(proofKey.publicKey.export({ format: 'jwk' }) as JWK)
    expect(body.token_type).toBe('DPoP')
    expect(
      JSON.parse(Buffer.from(String(body.access_token).split('.')[1] ?? '', 'base64url').toString()),
    ).toMatchObject({
      cnf: { jkt },
    })
  })
})

/** Signs as the server itself does, with the key of its own ID tokens. */
async function signerOf(app: Running): Promise<(claims: object, typ: string) => Promise<string>> {
  const jwk = app.nodes[0]?.keyring.current().signingJwks.find(({ alg }) => alg === 'RS256') as JWK
  const key = await importJWK(jwk)
  return (claims, typ) =>
    new SignJWT({ ...claims }).setProtectedHeader({ alg: 'RS256', kid: jwk.kid as string, typ }).sign(key)
}
