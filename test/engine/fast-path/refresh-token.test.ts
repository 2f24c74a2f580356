/** Refreshes beside the engine give what the engine would have given, and nothing else is answered there. */

import { expect, it } from 'vitest'

import { newProofKey, type ProofKey } from '../../feature/dpop/dpop-proofs.ts'
import { callEndpoint, newPkce, refresh } from '../../support/user-agent.ts'
import { type BothWays, comparable, REDIRECT_URI, type Request } from './both-ways.ts'
import { codesOf, describeGranted, inHeader, type Kind, requestOf, type Row, SECRET, valueIn } from './granted.ts'
import { changeRecord, recordOf } from './records.ts'

const REFRESH_TOKENS: Kind = {
  requests: (both, row) => requests(both, row),

  tokenIn: (request) => valueIn(request, 'refresh_token'),

  plain: {
    'the third of its line': { before: 2 },
    'one that stays, and was used before': { ...inHeader('server'), before: 2 },
  },

  leftToTheEngine: {
    'no token': { form: { refresh_token: undefined } },
    'an empty token': { form: { refresh_token: '' } },
    'an unknown token': { form: { refresh_token: `r${'x'.repeat(45)}` } },
    'a token that is no handle': { form: { refresh_token: 'constructor' } },
    'another grant type': { form: { grant_type: 'refresh_token2' } },
    'a code beside the token': { form: { code: 'x' } },
    'a grant type that stands twice': { also: '&grant_type=refresh_token' },
    'a token that stands twice': { also: '&refresh_token=x' },
  },
}

describeGranted('a refresh token', REFRESH_TOKENS, (both) => {
  it('that is used again soon gives the same successor again, either way', async () => {
    const [request, twin] = await requests(both())
    const first = await both().plainly(request, twin)

    const again = await both().byTheEngine(request, twin)

    expect(refreshTokenIn(again.ours.body)).toBe(refreshTokenIn(first.ours.body))
    expect(refreshTokenIn(again.theirs.body)).toBe(refreshTokenIn(first.theirs.body))
  })

  it('that is used again is refused, either way, where there is no window, and its family has ended', async () => {
    const [request, twin] = await requests(both(), { clientId: 'strict' })
    const first = await both().plainly(request, twin)

    const { ours, theirs } = await both().byTheEngine(request, twin)

    expect(ours.body).toContain('invalid_grant')
    expect(comparable(ours)).toEqual(comparable(theirs))
    expect((await refresh(both().app.issuer, refreshTokenIn(first.ours.body), 'strict')).status).toBe(400)
  })

  it('gives all of a hundred that send it at once the same successor', async () => {
    const [request] = await requests(both())
    const token = REFRESH_TOKENS.tokenIn(request)

    const answers = await Promise.all(Array.from({ length: 100 }, () => refresh(both().app.issuer, token, 'spa')))

    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1)
  })

  it('leaves to its successor, either way, when its line began', async () => {
    const [request, twin] = await requests(both())
    const began = Math.floor(Date.now() / 1000) - 1000
    for (const one of [request, twin]) await changeRecord(both().app, REFRESH_TOKENS.tokenIn(one), { iiat: began })

    const { ours, theirs } = await both().plainly(request, twin)

    for (const { body } of [ours, theirs]) {
      const record = await recordOf(both().app, refreshTokenIn(body))
      expect(JSON.parse(record?.value ?? '{}')).toMatchObject({ iiat: began })
    }
  })

  it('is refused, either way, where it is bound to a key and no proof comes', async () => {
    const [request, twin] = await requests(both(), {}, await newProofKey())

    const { ours, theirs } = await both().byTheEngine(request, twin)

    expect(ours.status).toBe('HTTP/1.1 400 Bad Request')
    expect(comparable(ours)).toEqual(comparable(theirs))
  })
})

async function requests(both: BothWays, row: Row = {}, boundTo?: ProofKey): Promise<readonly [Request, Request]> {
  const pkce = newPkce()
  const [first = '', second = ''] = await codesOf(both, row, [pkce, pkce])
  return [await requestAfter(first), await requestAfter(second)]

  async function requestAfter(code: string): Promise<Request> {
    let token = await ask({ ...REDEMPTION, code, code_verifier: pkce.verifier })
    for (let use = 0; use < (row.before ?? 0); use++) token = await ask({ ...REFRESH, refresh_token: token })
    return requestOf(row, { ...REFRESH, refresh_token: token })
  }

  /** A refresh token, whichever way this client shows who it is. */
  async function ask(form: Record<string, string>): Promise<string> {
    const id = row.clientId ?? 'spa'
    const { authMethod } = both.app.config.clients.find(({ clientId }) => clientId === id) ?? {}
    const url = `${both.app.issuer}/token`
    const headers: Record<string, string> = boundTo === undefined ? {} : { dpop: await boundTo.prove(url) }
    const inBody = authMethod === 'client_secret_post' ? { client_id: id, client_secret: SECRET } : { client_id: id }
    const { body } =
      authMethod === 'client_secret_basic'
        ? await callEndpoint(url, form, { id, secret: SECRET }, headers)
        : await callEndpoint(url, { ...form, ...inBody }, undefined, headers)
    if (body.refresh_token === undefined) throw new Error(`no refresh token: ${JSON.stringify(body)}`)
    return body.refresh_token
  }
}

const REDEMPTION = { grant_type: 'authorization_code', redirect_uri: REDIRECT_URI }
const REFRESH = { grant_type: 'refresh_token' }

function refreshTokenIn(body: string): string {
  return String((JSON.parse(body) as { refresh_token?: string }).refresh_token)
}
