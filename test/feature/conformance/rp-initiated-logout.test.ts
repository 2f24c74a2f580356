/**
 * RP-initiated logout, by the names of the OpenID Foundation's test modules.
 *
 * What each module asks for is our own reading of OpenID Connect RP-Initiated Logout.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { authorize, CALLBACK, newCode, type Params, post, query, redemption } from '../../support/requests.ts'
import { type Running, start } from '../../support/start.ts'
import { createUserAgent, type UserAgent } from '../../support/user-agent.ts'

const AFTER = 'http://localhost:4999/after-logout'

let app: Running
beforeAll(async () => {
  app = await start({ clients: [{ clientId: 'rp', firstParty: true, postLogoutRedirectUris: [AFTER] }] })
})
afterAll(() => app.close())

interface Left {
  /** Where the browser was sent. */
  readonly to: string | undefined
  readonly isSignedIn: boolean
}

interface Signed {
  readonly agent: UserAgent
  readonly hint: string
}

async function signedInAtRp(): Promise<Signed> {
  const agent = createUserAgent(app)
  const granted = await newCode(agent, { clientId: 'rp', redirectUri: CALLBACK, scope: 'openid' })
  const { body } = await post(`${app.issuer}/token`, redemption(granted, { client_id: 'rp', redirect_uri: CALLBACK }))
  return { agent, hint: String(body.id_token) }
}

/** Goes to the logout with these parameters and confirms where a page asks. */
async function loggedOut(params: (hint: string) => Params): Promise<Left> {
  const { agent, hint } = await signedInAtRp()
  const asked = query({ id_token_hint: hint, post_logout_redirect_uri: AFTER, state: 'bye', ...params(hint) })
  let arrival = await agent.follow(await agent.get(`/logout?${asked}`))
  for (let step = 0; step < 2 && arrival.page?.html.includes('/logout/confirm') === true; step++) {
    arrival = await agent.follow(await agent.submit(arrival.page, '/logout/confirm', { logout: 'yes' }))
  }
  const silent = await authorize(agent, { client_id: 'rp', redirect_uri: CALLBACK, scope: 'openid', prompt: 'none' })
  return { to: arrival.left?.href, isSignedIn: silent.location?.searchParams.has('code') === true }
}

const END = { isSignedIn: false, to: undefined }
const REFUSED = { to: undefined }

const MODULES: Readonly<Record<string, { params: (hint: string) => Params; expected: object }>> = {
  'oidcc-rp-initiated-logout': { params: () => ({}), expected: { isSignedIn: false, to: `${AFTER}?state=bye` } },
  'oidcc-rp-initiated-logout-no-state': {
    params: () => ({ state: undefined }),
    expected: { isSignedIn: false, to: AFTER },
  },
  'oidcc-rp-initiated-logout-no-post-logout-redirect-uri': {
    params: () => ({ post_logout_redirect_uri: undefined, state: undefined }),
    expected: END,
  },
  'oidcc-rp-initiated-logout-no-params': {
    params: () => ({ id_token_hint: undefined, post_logout_redirect_uri: undefined, state: undefined }),
    expected: END,
  },
  'oidcc-rp-initiated-logout-only-state': {
    params: () => ({ id_token_hint: undefined, post_logout_redirect_uri: undefined }),
    expected: END,
  },
  'oidcc-rp-initiated-logout-no-id-token-hint': { params: () => ({ id_token_hint: undefined }), expected: REFUSED },
  'oidcc-rp-initiated-logout-bad-id-token-hint': { params: () => ({ id_token_hint: 'bad' }), expected: REFUSED },
  'oidcc-rp-initiated-logout-modified-id-token-hint': {
    params: (hint) => ({ id_token_hint: `${hint.slice(0, -8)}AAAAAAAA` }),
    expected: REFUSED,
  },
  'oidcc-rp-initiated-logout-bad-post-logout-redirect-uri': {
    params: () => ({ post_logout_redirect_uri: 'https://evil.example/' }),
    expected: REFUSED,
  },
  'oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri': {
    params: () => ({ post_logout_redirect_uri: `${AFTER}?foo=bar` }),
    expected: REFUSED,
  },
}

describe('RP-initiated logout', () => {
  it('oidcc-rp-initiated-logout-discovery-endpoint-verification', async () => {
    const metadata = await (await fetch(`${app.issuer}/.well-known/openid-configuration`)).json()

    expect(metadata).toMatchObject({ end_session_endpoint: `${app.issuer}/logout` })
  })

  it.each(Object.keys(MODULES))('%s', async (name) => {
    const { params, expected } = MODULES[name] as (typeof MODULES)[string]

    expect(await loggedOut(params)).toMatchObject(expected)
  })
})
