/** What an unauthenticated caller sends to make the store keep something, as from any address. */

import { randomUUID } from 'node:crypto'

import type { Route } from '../../src/http/routes.ts'
import { addressOf } from '../support/routes.ts'
import type { Running } from '../support/start.ts'
import { authorizationUrl, createUserAgent, newPkce } from '../support/user-agent.ts'

export type Server = Pick<Running, 'issuer' | 'urls'>
export const LARGE = 'x'.repeat(8000)

export type Answer = Pick<Response, 'status' | 'headers'> & { readonly text: string }

/** What a stranger sends to fill the store, by route; a route that is `counted` and not here fails the test. */
export const FILLERS: Readonly<Record<string, (app: Server, ip: string) => Promise<Answer>>> = {
  authorization: (app, ip) => get(app, ip, authorizationUrl(newPkce(), { params: { login_hint: LARGE } })),
  'authorization-resumed': async (app, ip) => {
    const agent = createUserAgent(app)
    const begun = await agent.get(authorizationUrl(newPkce(), { params: { login_hint: LARGE } }), forwarded(ip))
    const page = begun.headers.get('location')
    if (page === null) return answerOf(begun)
    return answerOf(agent.get(page.replace('/interaction/', '/authorize/'), forwarded(ip)))
  },
  logout: (app, ip) => get(app, ip, `/logout?state=${LARGE}`),
  'pushed-authorization': (app, ip) => {
    const request = new URL(authorizationUrl(newPkce(), { params: { login_hint: LARGE } }), app.issuer)
    return post(app, ip, '/par', Object.fromEntries(request.searchParams))
  },
}

export function forwarded(ip: string): Record<string, string> {
  return { 'x-forwarded-for': ip, accept: 'text/html' }
}

export function get(app: Server, ip: string, address: string): Promise<Answer> {
  return answerOf(fetch(app.issuer + address, { headers: forwarded(ip), redirect: 'manual' }))
}

export function post(app: Server, ip: string, path: string, form: Record<string, string>, more = {}): Promise<Answer> {
  const headers = { ...forwarded(ip), accept: '*/*', ...more }
  return answerOf(
    fetch(app.issuer + path, { method: 'POST', headers, body: new URLSearchParams(form), redirect: 'manual' }),
  )
}

/** What a stranger may think of, another one each time. */
export function anything(app: Server, route: Route, ip: string, round: number): Promise<Answer> {
  const path = addressOf(route)
  const id = randomUUID()
  const wrong = `Basic ${Buffer.from(`${id}:${id}`).toString('base64')}`
  const header = [{ authorization: wrong }, { authorization: `Bearer ${id}` }, { cookie: `grantor=${id}` }][round % 3]
  if (!route.methods.includes('POST')) return get(app, ip, `${path}?client_id=demo-spa&state=${LARGE}`)
  const form = { client_id: id, token: LARGE, code: id, refresh_token: id, login: id, password: id, grant_type: 'x' }
  return post(app, ip, path, form, { ...header, ...(route.owner === 'page' && { origin: app.issuer }) })
}

async function answerOf(sent: Response | Promise<Response>): Promise<Answer> {
  const response = await sent
  return { status: response.status, headers: response.headers, text: await response.text() }
}
