/** Codes redeemed beside the engine give what the engine would have given, and nothing else is answered there. */

import { hash } from 'node:crypto'
import { expect, it } from 'vitest'

import { newProofKey } from '../../feature/dpop/dpop-proofs.ts'
import { newPkce, redeem, refresh } from '../../support/user-agent.ts'
import { comparable, REDIRECT_URI } from './both-ways.ts'
import { codesOf, describeGranted, inHeader, type Kind, requestOf, type Row, valueIn } from './granted.ts'

const VERIFIER = 'v'.repeat(43)
const WITHOUT_PKCE = { code_challenge: undefined, code_challenge_method: undefined }

const withVerifier = (verifier: string): Row => ({
  asked: { code_challenge: hash('sha256', verifier, 'base64url') },
  form: { code_verifier: verifier },
})

const CODES: Kind = {
  async requests(both, row) {
    const pkce = newPkce()
    const codes = await codesOf(both, row, [pkce, pkce])
    const [request, twin] = codes.map((code) => requestOf(row, redemption(code, pkce.verifier)))
    if (request === undefined || twin === undefined) throw new Error('no codes')
    return [request, twin]
  },

  tokenIn: (request) => valueIn(request, 'code'),

  plain: {
    'a client without refresh tokens': { clientId: 'brief' },
    'a client that may do without PKCE, and does not': inHeader('legacy'),
  },

  leftToTheEngine: {
    'no code': { form: { code: undefined } },
    'an empty code': { form: { code: '' } },
    'an unknown code': { form: { code: `c${'x'.repeat(45)}` } },
    'another grant type': { form: { grant_type: 'authorization_code2' } },
    'no verifier': { form: { code_verifier: undefined } },
    'an empty verifier': { form: { code_verifier: '' } },
    'a wrong verifier': { form: { code_verifier: VERIFIER } },
    'a verifier that is too short, and right': withVerifier('v'.repeat(42)),
    'a verifier that is too long, and right': withVerifier('v'.repeat(129)),
    'a verifier with a sign that it may not have, and right': withVerifier(`${VERIFIER}!`),
    'no verifier for a code without a challenge': {
      ...inHeader('legacy'),
      asked: WITHOUT_PKCE,
      form: { client_id: undefined, code_verifier: undefined },
    },
    'a verifier for a code without a challenge': { ...inHeader('legacy'), asked: WITHOUT_PKCE },
    'a code that was asked for with a maximal age': { asked: { max_age: '3600' } },
    'a code that was asked for with an ACR': { asked: { acr_values: '1' } },
    'no redirect URI': { form: { redirect_uri: undefined } },
    'another redirect URI': { form: { redirect_uri: `${REDIRECT_URI}2` } },
    'a redirect URI with a slash more': { form: { redirect_uri: `${REDIRECT_URI}/` } },
    'a refresh token beside the code': { form: { refresh_token: 'x' } },
    'a grant type that stands twice': { also: '&grant_type=authorization_code' },
    'a code that stands twice': { also: '&code=x' },
    'a verifier that stands twice': { also: '&code_verifier=x' },
  },
}

describeGranted('a code', CODES, (both) => {
  it('is refused, either way, a second time, and what it gave is dead', async () => {
    const [request, twin] = await CODES.requests(both(), {})
    const first = await both().plainly(request, twin)
    const { refresh_token: token } = JSON.parse(first.ours.body) as { refresh_token: string }

    const { ours, theirs } = await both().byTheEngine(request, twin)

    expect(ours.body).toContain('invalid_grant')
    expect(comparable(ours)).toEqual(comparable(theirs))
    expect((await refresh(both().app.issuer, token, 'spa')).status).toBe(400)
  })

  it('gives one of a hundred that send it at once tokens, and those are dead', async () => {
    const pkce = newPkce()
    const [code = ''] = await codesOf(both(), {}, [pkce])
    const options = { clientId: 'spa', redirectUri: REDIRECT_URI }

    const all = await Promise.all(Array.from({ length: 100 }, () => redeem(both().app.issuer, code, pkce, options)))

    const [good, ...others] = all.filter(({ status }) => status === 200)
    expect(others).toEqual([])
    expect(new Set(all.map(({ body }) => body.error))).toEqual(new Set([undefined, 'invalid_grant']))
    expect((await refresh(both().app.issuer, String(good?.body.refresh_token), 'spa')).status).toBe(400)
  })

  it('is refused, either way, where it is a refresh token', async () => {
    const [request] = await CODES.requests(both(), {})
    const { ours: answer } = await both().plainly(request)
    const { refresh_token: token } = JSON.parse(answer.body) as { refresh_token: string }

    const { ours, theirs } = await both().byTheEngine(requestOf({}, redemption(token, VERIFIER)))

    expect(ours.body).toContain('invalid_grant')
    expect(comparable(ours)).toEqual(comparable(theirs))
  })

  it('is refused, either way, where it is bound to a key and no proof comes', async () => {
    const { thumbprint } = await newProofKey()
    const [request, twin] = await CODES.requests(both(), { asked: { dpop_jkt: thumbprint } })

    const { ours, theirs } = await both().byTheEngine(request, twin)

    expect(ours.status).toBe('HTTP/1.1 400 Bad Request')
    expect(comparable(ours)).toEqual(comparable(theirs))
  })
})

function redemption(code: string, verifier: string): Record<string, string> {
  return { grant_type: 'authorization_code', redirect_uri: REDIRECT_URI, code, code_verifier: verifier }
}
