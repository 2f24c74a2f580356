/**
 * One good request for each route of the table, by its name: prepared while the store answers, to be sent while it fails.
 * A route without a request here does not compile.
 */

import type { RouteName } from '../../src/http/routes.ts'
import type { Running } from '../support/start.ts'
import {
  ALICE,
  authorizationUrl,
  callEndpoint,
  createUserAgent,
  formsOf,
  newPkce,
  redeem,
  signIn,
  type UserAgent,
} from '../support/user-agent.ts'

const MACHINE = { id: 'demo-machine', secret: 'demo-machine-secret-not-for-production' }
const WEB = { id: 'demo-web', secret: 'demo-web-secret-not-for-production' }
const SPA = { client_id: 'demo-spa' }

export type Send = () => Promise<Response>
export type RouteRequests = Readonly<Record<RouteName, Send>>

export interface Prepared {
  readonly requests: RouteRequests
  /** The tokens that the requests present, so that a test can see what became of them. */
  readonly accessToken: string
  readonly refreshToken: string
}

export async function prepareRequests(app: Running): Promise<Prepared> {
  const url = app.urls[0] as string
  const person = createUserAgent(app)
  const pkce = newPkce()
  const scope = 'openid orders:read offline_access'
  const code = await signIn(person, pkce, { scope, params: { prompt: 'consent' } })
  const { body: tokens } = await redeem(url, code.get('code') ?? '', pkce)
  const machine = { grant_type: 'client_credentials', scope: 'revocations:read', resource: app.issuer }
  const { body: feed } = await callEndpoint(`${url}/token`, machine, MACHINE)
  const bearer = { authorization: `Bearer ${feed.access_token}` }
  const poll = { 'content-type': 'application/json', ...bearer }
  const pages = await pagesOf(app, person)
  const get =
    (path: string, headers = {}) =>
    () =>
      fetch(url + path, { redirect: 'manual', headers })
  const form = (path: string, params: Record<string, string>, client?: typeof WEB) => () =>
    send(url + path, params, client)

  return {
    accessToken: tokens.access_token ?? '',
    refreshToken: tokens.refresh_token ?? '',
    requests: {
      'openid-configuration': get('/.well-known/openid-configuration'),
      'authorization-server': get('/.well-known/oauth-authorization-server'),
      jwks: get('/jwks'),
      'ssf-configuration': get('/.well-known/ssf-configuration'),
      token: form('/token', { ...SPA, grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' }),
      'pushed-authorization': form(
        '/par',
        Object.fromEntries(
          new URL(authorizationUrl(newPkce(), { clientId: WEB.id, redirectUri: 'http://localhost:4010/callback' }), url)
            .searchParams,
        ),
        WEB,
      ),
      introspection: form('/introspect', { token: tokens.access_token ?? '' }, MACHINE),
      revocation: form('/revoke', { ...SPA, token: tokens.access_token ?? '' }),
      userinfo: get('/userinfo', { authorization: `Bearer ${tokens.access_token}` }),
      revocations: get('/revocations', bearer),
      'ssf-poll': () => fetch(`${url}/ssf/poll`, { method: 'POST', headers: poll, body: '{"returnImmediately":true}' }),
      'authorization-by-post': form('/authorize', { state: 'x' }),
      'logout-by-post': form('/logout', { state: 'x' }),
      inspect: get('/inspect'),
      landing: get('/'),
      favicon: get('/favicon.ico'),
      robots: get('/robots.txt'),
      'change-password': get('/.well-known/change-password'),
      'security-txt': get('/.well-known/security.txt'),
      asset: get(/\/assets\/[\w.-]+\.css/.exec(await (await fetch(url)).text())?.[0] ?? ''),
      ...pages,
    },
  }
}

type Pages =
  | 'authorization'
  | 'authorization-resumed'
  | 'logout'
  | 'logout-confirmation'
  | 'logged-out'
  | 'interaction'
  | 'login'
  | 'consent'
  | 'abort'
  | 'switch-account'
  | 'account'
  | 'account-signed-in'
  | 'account-apps'
  | 'account-apps-end'
  | 'tour'
  | 'tour-callback'

async function pagesOf(app: Running, person: UserAgent): Promise<Pick<RouteRequests, Pages>> {
  const stranger = createUserAgent(app)
  const login = await due(stranger, authorizationUrl(newPkce()))
  const asked = createUserAgent(app)
  const first = await due(asked, authorizationUrl(newPkce(), { params: { prompt: 'consent' } }))
  const consent = await pageAfter(asked, await asked.submit(first, '/login', { ...ALICE }))
  const apps = await (await person.get('/account/apps')).text()
  // Another page of the same browser would take the place of this one.
  const leaver = createUserAgent(app)
  await signIn(leaver, newPkce())
  const logout = await (await leaver.get('/logout')).text()
  const guest = createUserAgent(app)
  await guest.get('/tour')

  return {
    authorization: () => person.get(authorizationUrl(newPkce())),
    'authorization-resumed': () => stranger.get(login.address.replace('/interaction/', '/authorize/')),
    logout: () => person.get('/logout'),
    'logout-confirmation': submit(leaver, logout, '/logout/confirm', { logout: 'yes' }),
    'logged-out': () => person.get('/logout/success'),
    interaction: () => stranger.get(login.address),
    login: () => stranger.submit(login, '/login', { ...ALICE }),
    consent: () => asked.submit(consent, '/consent'),
    'switch-account': () => asked.submit(consent, '/switch'),
    abort: () => stranger.submit(login, '/abort'),
    account: () => person.get('/account'),
    'account-signed-in': () => person.get('/account/callback'),
    'account-apps': () => person.get('/account/apps'),
    'account-apps-end': submit(person, apps, '/account/apps/end'),
    tour: () => guest.get('/tour'),
    'tour-callback': () => guest.get('/tour/callback?code=x&state=x'),
  }
}

function submit(agent: UserAgent, html: string, action: string, fields: Record<string, string> = {}): Send {
  const found = formsOf(html).find((form) => form.action.endsWith(action))
  if (found === undefined) throw new Error(`no form ${action} in:\n${html}`)
  return () => agent.post(found.action, { ...found.hidden, ...fields })
}

/** The page to which an address leads. */
async function due(agent: UserAgent, address: string) {
  return pageAfter(agent, await agent.get(address))
}

async function pageAfter(agent: UserAgent, response: Response) {
  const { page } = await agent.follow(response)
  if (page === undefined) throw new Error('the browser left the issuer')
  return page
}

function send(url: string, params: Record<string, string>, client?: typeof WEB): Promise<Response> {
  const authorization = client && `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`
  return fetch(url, {
    method: 'POST',
    body: new URLSearchParams(params),
    redirect: 'manual',
    headers: authorization === undefined ? {} : { authorization },
  })
}
