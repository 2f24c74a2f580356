/** A rotation whose reply was lost is answered again, for longer to a client that can prove who it is. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import {
  basic,
  CALLBACK,
  confidential,
  keyed,
  ASSERTION_TYPE,
  newCode,
  type Params,
  post,
  redemption,
} from '../../support/requests.ts'
import { movableClock } from '../../support/movable-clock.ts'
import { type Running, start } from '../../support/start.ts'
import { createUserAgent } from '../../support/user-agent.ts'
import { newProofKey } from '../dpop/dpop-proofs.ts'

const KEYED = keyed('by-key')
const OURS = { firstParty: true, redirectUris: [CALLBACK], refreshRotation: 'always' } as const

describe.each([{ fastPath: true }, { fastPath: false }])('with %o, a reply that was lost', (config) => {
  const clock = movableClock(Date.now())
  let app: Running
  beforeAll(async () => {
    app = await start({
      clock,
      config,
      clients: [
        { clientId: 'public', ...OURS },
        { clientId: 'public-set', ...OURS, refreshIdempotentSeconds: 20 },
        { clientId: 'public-off', ...OURS, refreshIdempotentSeconds: 0 },
        confidential('by-secret', OURS),
        { ...KEYED.settings, ...OURS },
      ],
    })
  })
  afterAll(() => app.close())

  /** How each kind of client is known at /token; asked anew for each request. */
  type Known = (clientId: string) => Promise<{ params?: Params; headers?: Record<string, string> }>
  const byName: Known = async (clientId) => ({ params: { client_id: clientId } })
  const bySecret: Known = async (clientId) => ({ headers: basic(clientId) })
  const byKey: Known = async () => {
    const now = Math.floor(clock() / 1000)
    const assertion = await KEYED.assertion(app.issuer, { iat: now, exp: now + 60 })
    return { params: { client_assertion_type: ASSERTION_TYPE, client_assertion: assertion } }
  }
  async function boundByProof(): Promise<Known> {
    const key = await newProofKey()
    return async (clientId) => ({
      params: { client_id: clientId },
      headers: { dpop: await key.prove(`${app.issuer}/token`) },
    })
  }

  const ROWS: [what: string, clientId: string, known: () => Known | Promise<Known>, seconds: number][] = [
    ['a client with a secret', 'by-secret', () => bySecret, 30],
    ['a client with a key', 'by-key', () => byKey, 30],
    ['a public client whose tokens are bound to a key', 'public', boundByProof, 30],
    ['a public client', 'public', () => byName, 5],
    ['a public client that has it set', 'public-set', () => byName, 20],
    ['a public client that has it off', 'public-off', () => byName, 0],
  ]

  async function familyOf(clientId: string, known: Known) {
    const ask = async (params: Params) => {
      const { params: more, headers } = await known(clientId)
      return post(`${app.issuer}/token`, { ...params, ...more }, headers)
    }
    const granted = await newCode(createUserAgent(app), { clientId, redirectUri: CALLBACK, scope: 'openid' })
    const first = await ask({ ...redemption(granted, { client_id: undefined, redirect_uri: CALLBACK }) })
    expect(first.status, first.text).toBe(200)
    const refresh = (token: unknown) => ask({ grant_type: 'refresh_token', refresh_token: String(token) })
    return { first: first.body.refresh_token, refresh }
  }

  it.each(ROWS.filter(([, , , seconds]) => seconds > 0))(
    '[B8] is given again to %s',
    async (_what, clientId, known, seconds) => {
      const { first, refresh } = await familyOf(clientId, await known())
      const lost = await refresh(first)
      clock.moveSeconds(seconds - 1)

      const again = await refresh(first)

      expect(again.status, again.text).toBe(200)
      expect(again.body.refresh_token).toBe(lost.body.refresh_token)
      expect((await refresh(again.body.refresh_token)).status).toBe(200)
    },
  )

  it.each(ROWS)('[B8] ends the family of %s once that time is over', async (_what, clientId, known, seconds) => {
    const { first, refresh } = await familyOf(clientId, await known())
    const lost = await refresh(first)
    clock.moveSeconds(seconds + 1)

    expect((await refresh(first)).body.error).toBe('invalid_grant')

    expect((await refresh(lost.body.refresh_token)).body.error).toBe('invalid_grant')
  })
})
