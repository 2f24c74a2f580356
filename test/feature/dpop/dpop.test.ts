import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'

import { newCode, type Params, post, redemption, signedIn } from '../../support/requests.ts'
import { type Running, start } from '../../support/start.ts'
import type { UserAgent } from '../../support/user-agent.ts'
import { askUserinfo, newProofKey, type ProofKey } from './dpop-proofs.ts'
import { within } from '../../support/figures.ts'

let app: Running
let alice: UserAgent
beforeAll(async () => {
  app = await start({ nodes: 2 })
  alice = await signedIn(app)
})
afterAll(() => app.close())
afterEach(() => vi.useRealTimers())

const here = () => app.urls[0] as string
const there = () => app.urls[1] as string
const tokenEndpoint = () => `${app.issuer}/token`
const userinfo = () => `${app.issuer}/userinfo`

async function redeemWith(dpop: string | undefined, boundTo?: ProofKey) {
  const granted = await newCode(alice, boundTo && { params: { dpop_jkt: boundTo.thumbprint } })
  return post(`${here()}/token`, redemption(granted), dpop === undefined ? {} : { dpop })
}

async function tokensOf(key: ProofKey): Promise<{ access: string; refresh: string }> {
  const { status, body } = await redeemWith(await key.prove(tokenEndpoint()))
  expect(status, JSON.stringify(body)).toBe(200)
  return { access: String(body.access_token), refresh: String(body.refresh_token) }
}

describe('a code bound to a DPoP key (RFC 9449 section 10)', () => {
  it('[S36] is redeemed with a proof of that key, and the token is bound to it', async () => {
    const key = await newProofKey()

    const { status, body } = await redeemWith(await key.prove(tokenEndpoint()), key)

    expect(status, JSON.stringify(body)).toBe(200)
    expect(body).toMatchObject({ token_type: 'DPoP' })
    expect(decodeJwt(String(body.access_token))).toMatchObject({ cnf: { jkt: key.thumbprint } })
  })

  it('[S36] is refused without a proof, and with one of another key', async () => {
    const key = await newProofKey()
    const another = await newProofKey()

    const without = await redeemWith(undefined, key)
    const other = await redeemWith(await another.prove(tokenEndpoint()), key)

    for (const { status, body } of [without, other]) {
      expect({ status, error: body.error }).toEqual({ status: 400, error: 'invalid_grant' })
    }
  })
})

describe('[S98] a proof is good once', () => {
  it('at the token endpoint, whichever node is asked', async () => {
    const key = await newProofKey()
    const proof = await key.prove(tokenEndpoint())
    await redeemWith(proof)
    const granted = await newCode(alice)

    const again = await post(`${there()}/token`, redemption(granted), { dpop: proof })

    expect(again).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  })

  it('at userinfo, whichever node is asked', async () => {
    const key = await newProofKey()
    const { access } = await tokensOf(key)
    const proof = await key.proveFor(userinfo(), access)

    expect(await askUserinfo(here(), { token: access, proof })).toMatchObject({ status: 200 })
    expect(await askUserinfo(there(), { token: access, proof })).toMatchObject({ status: 401 })
  })

  it('for as long as it is good: one that is dated ahead, too', async () => {
    const key = await newProofKey()
    const ahead = { iat: Math.floor(Date.now() / 1000) + 290 }
    const { access } = await tokensOf(key)
    const proof = await key.proveFor(userinfo(), access, ahead)
    expect(await askUserinfo(here(), { token: access, proof })).toMatchObject({ status: 200 })
    await moveSeconds(400)
    const fresh = await key.proveFor(userinfo(), access, ahead)
    expect(await askUserinfo(here(), { token: access, proof: fresh })).toMatchObject({ status: 200 })

    expect(await askUserinfo(here(), { token: access, proof })).toMatchObject({ status: 401 })
  })
})

describe('[S99] a bound token is no bearer token, nor the other way round (RFC 9449 section 7.2)', () => {
  it('with the scheme Bearer, with or without a proof', async () => {
    const key = await newProofKey()
    const { access } = await tokensOf(key)

    const without = await askUserinfo(here(), { scheme: 'Bearer', token: access })
    expect(without).toMatchObject({ status: 401, challenge: expect.stringContaining('error="invalid_token"') })
    const proof = await key.proveFor(userinfo(), access)
    const beside = await askUserinfo(here(), { scheme: 'Bearer', token: access, proof })
    expect(beside).toMatchObject({ status: 400, challenge: expect.stringContaining('error="invalid_request"') })
    const inForm = await post(`${here()}/userinfo`, { access_token: access })
    expect(inForm.status).toBe(401)
  })

  it('with the scheme DPoP and no proof, and with one of another key', async () => {
    const key = await newProofKey()
    const another = await newProofKey()
    const { access } = await tokensOf(key)

    expect((await askUserinfo(here(), { token: access })).status).toBe(400)
    const proof = await another.proveFor(userinfo(), access)
    const answer = await askUserinfo(here(), { token: access, proof })
    expect(answer).toMatchObject({ status: 401, challenge: expect.stringMatching(/^DPoP .*error="invalid_token"/) })
  })

  it('a token that is bound to no key, with a proof', async () => {
    const key = await newProofKey()
    const { body } = await redeemWith(undefined)
    const access = String(body.access_token)
    const proof = await key.proveFor(userinfo(), access)

    const answer = await askUserinfo(here(), { token: access, proof })

    expect(answer).toMatchObject({ status: 401, challenge: expect.stringContaining('error="invalid_token"') })
    expect((await askUserinfo(here(), { scheme: 'Bearer', token: access })).status).toBe(200)
  })
})

describe('[S101] the address in a proof is the public one', () => {
  it('not that of the node behind the proxy, nor what the Host header says', async () => {
    const key = await newProofKey()
    for (const address of [`${there()}/token`, 'https://evil.example/token']) {
      const granted = await newCode(alice)
      const headers = {
        dpop: await key.prove(address),
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'https',
      }
      const { status, body } = await post(`${there()}/token`, redemption(granted), headers)

      expect({ status, error: body.error }).toEqual({ status: 400, error: 'invalid_dpop_proof' })
    }
  })
})

describe('[S64] the refresh token of a public client that proved a key (RFC 9449 section 5)', () => {
  const refresh = (refresh_token: string, headers: { dpop?: string } = {}, params: Params = {}) => {
    return post(
      `${there()}/token`,
      { grant_type: 'refresh_token', client_id: 'demo-spa', refresh_token, ...params },
      headers,
    )
  }

  it('is refused without a proof, and with one of another key, and lost by neither', async () => {
    const key = await newProofKey()
    const another = await newProofKey()
    const { refresh: token } = await tokensOf(key)

    for (const headers of [{}, { dpop: await another.prove(tokenEndpoint()) }]) {
      expect(await refresh(token, headers)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    }

    const good = await refresh(token, { dpop: await key.prove(tokenEndpoint()) })
    expect(good).toMatchObject({ status: 200, body: { token_type: 'DPoP' } })
    expect(decodeJwt(String(good.body.access_token))).toMatchObject({ cnf: { jkt: key.thumbprint } })
  })

  it('is not rotated, since only the holder of the key can use it (RFC 9700 section 4.14.2)', async () => {
    const key = await newProofKey()
    const { refresh: token } = await tokensOf(key)

    const first = await refresh(token, { dpop: await key.prove(tokenEndpoint()) })
    const second = await refresh(token, { dpop: await key.prove(tokenEndpoint()) })

    expect([first.body.refresh_token, second.body.refresh_token]).toEqual([token, token])
  })
})

/** Moves the date; a node that has not heard of its store for so long takes nothing until it has. */
async function moveSeconds(seconds: number): Promise<void> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 })
  for (const url of app.urls) {
    await expect.poll(async () => (await fetch(`${url}/userinfo`)).status, within(5000)).not.toBe(503)
  }
}
