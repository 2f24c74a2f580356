import { randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Running, start } from '../support/start.ts'
import { createUserAgent, newPkce, signIn, type TokenAnswer } from '../support/user-agent.ts'

describe('a code bound to a DPoP key (RFC 9449 section 10)', () => {
  let app: Running
  beforeAll(async () => {
    app = await start()
  })
  afterAll(() => app.close())

  async function newKey() {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const jwk = await exportJWK(publicKey)
    return { privateKey, jwk, thumbprint: await calculateJwkThumbprint(jwk) }
  }

  type Key = Awaited<ReturnType<typeof newKey>>

  function prove({ privateKey, jwk }: Key): Promise<string> {
    return new SignJWT({ htm: 'POST', htu: `${app.issuer}/token`, jti: randomUUID() })
      .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
      .setIssuedAt()
      .sign(privateKey)
  }

  async function redeemWith(bound: Key, proof: string | undefined): Promise<TokenAnswer> {
    const pkce = newPkce()
    const callback = await signIn(createUserAgent(app), pkce, { params: { dpop_jkt: bound.thumbprint } })
    const response = await fetch(`${app.issuer}/token`, {
      method: 'POST',
      headers: proof === undefined ? {} : { dpop: proof },
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        client_id: 'demo-spa',
        redirect_uri: 'http://localhost:4011/callback',
        code: callback.get('code') ?? '',
        code_verifier: pkce.verifier,
      }),
    })
    return { status: response.status, headers: response.headers, body: (await response.json()) as TokenAnswer['body'] }
  }

  it('[S36] is redeemed with a proof of that key, and the token is bound to it', async () => {
    const key = await newKey()

    const { status, body } = await redeemWith(key, await prove(key))

    expect(status, JSON.stringify(body)).toBe(200)
    expect(body).toMatchObject({ token_type: 'DPoP' })
    expect(decodeJwt(body.access_token ?? '')).toMatchObject({ cnf: { jkt: key.thumbprint } })
  })

  it('[S36] is refused without a proof, and with one of another key', async () => {
    const key = await newKey()

    const without = await redeemWith(key, undefined)
    const other = await redeemWith(key, await prove(await newKey()))

    for (const { status, body } of [without, other]) {
      expect({ status, error: body.error }).toEqual({ status: 400, error: 'invalid_grant' })
    }
  })
})
