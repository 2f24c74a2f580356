/** Nonces in DPoP proofs (RFC 9449 sections 8 and 9), demanded by two nodes that are one issuer. */

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'

import { authorizationParams, newCode, post, redemption, signedIn } from '../../support/requests.ts'
import { type Running, start } from '../../support/start.ts'
import type { UserAgent } from '../../support/user-agent.ts'
import { askUserinfo, newProofKey, type ProofKey } from './dpop-proofs.ts'
import { within } from '../../support/figures.ts'

describe('[S100] where a nonce is demanded', () => {
  let app: Running
  let alice: UserAgent
  let key: ProofKey
  beforeAll(async () => {
    app = await start({ nodes: 2, config: { dpop: { requireNonce: true } } })
    alice = await signedIn(app)
    key = await newProofKey()
  })
  afterAll(() => app.close())
  afterEach(() => vi.useRealTimers())

  const url = (node: number) => app.urls[node] as string
  const tokenEndpoint = () => `${app.issuer}/token`

  async function redeemAt(node: number, nonce?: string) {
    const dpop = await key.prove(tokenEndpoint(), nonce === undefined ? {} : { nonce })
    const answer = await post(`${url(node)}/token`, redemption(await newCode(alice)), { dpop })
    return { ...answer, error: answer.body.error, nonce: answer.headers.get('dpop-nonce') ?? '' }
  }

  it('a proof without one is told which, at every endpoint that takes proofs', async () => {
    const atToken = await redeemAt(0)
    expect(atToken).toMatchObject({ status: 400, error: 'use_dpop_nonce', nonce: expect.stringMatching(/^[\w-]{43}$/) })

    const dpop = await key.prove(`${app.issuer}/par`)
    const atPar = await post(`${url(0)}/par`, authorizationParams({}), { dpop })
    expect(atPar).toMatchObject({ status: 400, body: { error: 'use_dpop_nonce' } })
    expect(atPar.headers.get('dpop-nonce')).toBe(atToken.nonce)

    const { body } = await redeemAt(0, atToken.nonce)
    const token = String(body.access_token)
    const proof = await key.proveFor(`${app.issuer}/userinfo`, token)
    const atUserinfo = await askUserinfo(url(0), { token, proof })
    expect(atUserinfo).toMatchObject({ status: 401, nonce: expect.stringMatching(/./) })
    expect(atUserinfo.challenge).toMatch(/^DPoP .*error="use_dpop_nonce"/)
    const nonced = await key.proveFor(`${app.issuer}/userinfo`, token, { nonce: atUserinfo.nonce })
    expect(await askUserinfo(url(1), { token, proof: nonced })).toMatchObject({ status: 200 })
  })

  it('costs no code: the same one is redeemed by the next request', async () => {
    const granted = await newCode(alice)
    const first = await post(`${url(0)}/token`, redemption(granted), { dpop: await key.prove(tokenEndpoint()) })
    const nonce = String(first.headers.get('dpop-nonce'))

    const second = await post(`${url(1)}/token`, redemption(granted), {
      dpop: await key.prove(tokenEndpoint(), { nonce }),
    })

    expect(second).toMatchObject({ status: 200, body: { token_type: 'DPoP' } })
  })

  it('one of any node is good at all nodes', async () => {
    const { nonce } = await redeemAt(0)

    expect(await redeemAt(1, nonce)).toMatchObject({ status: 200 })
    expect(await redeemAt(0, nonce)).toMatchObject({ status: 200 })
  })

  it('one that is old, made up or no text is refused, with another', async () => {
    const { nonce } = await redeemAt(0)
    const strange = [`${nonce.slice(0, -2)}AA`, 'x', 'a'.repeat(5000)]
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 400_000 })
    await heard(app)

    for (const bad of [nonce, ...strange]) {
      const answer = await redeemAt(1, bad)
      expect(answer).toMatchObject({ status: 400, error: 'use_dpop_nonce' })
      expect(await redeemAt(0, answer.nonce)).toMatchObject({ status: 200 })
    }
    for (const bad of [7, {}, ['x'], null]) {
      expect(await redeemAt(1, bad as unknown as string)).toMatchObject({ status: 400 })
    }
  })

  it('takes the place of the clock: a client that is an hour off needs only the nonce', async () => {
    const { nonce } = await redeemAt(0)
    const dpop = await key.prove(tokenEndpoint(), { nonce, iat: Math.floor(Date.now() / 1000) - 3600 })

    expect(await post(`${url(1)}/token`, redemption(await newCode(alice)), { dpop })).toMatchObject({ status: 200 })
  })

  it('one that was given out before the signing keys were replaced is good afterwards', async () => {
    const { nonce } = await redeemAt(0)
    const keyring = app.nodes[0]?.keyring
    const { keyId } = keyring?.current().keys.find((one) => one.algorithm === 'ES256') ?? { keyId: '' }
    await keyring?.compromise(keyId)
    await expect.poll(() => Promise.all(app.urls.map(published))).not.toContainEqual(expect.arrayContaining([keyId]))

    expect(await redeemAt(1, nonce)).toMatchObject({ status: 200 })
  })
})

describe('[S100] where no nonce is demanded', () => {
  it('one is offered and taken all the same, so that nodes may be told to demand it one after the other', async () => {
    const app = await start()
    const alice = await signedIn(app)
    const key = await newProofKey()
    const redeem = async (nonce?: string) => {
      const dpop = await key.prove(`${app.issuer}/token`, nonce === undefined ? {} : { nonce })
      return post(`${app.issuer}/token`, redemption(await newCode(alice)), { dpop })
    }

    const first = await redeem()
    expect(first.status).toBe(200)
    expect(await redeem(String(first.headers.get('dpop-nonce')))).toMatchObject({ status: 200 })
    await app.close()
  })
})

async function published(url: string): Promise<string[]> {
  const { keys } = (await (await fetch(`${url}/jwks`)).json()) as { keys: { kid: string }[] }
  return keys.map(({ kid }) => kid)
}

/** A node that has not heard of its store for so long takes nothing until it has. */
async function heard({ urls }: Running): Promise<void> {
  for (const url of urls) {
    await expect.poll(async () => (await fetch(`${url}/userinfo`)).status, within(5000)).not.toBe(503)
  }
}
