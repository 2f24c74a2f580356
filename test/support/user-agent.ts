/**
 * A person with a browser, and an application that sends them: cookies, redirects and forms, over real HTTP, without
 * a rendering engine. What depends on one is tested in test/browser.
 */

import { createHash, randomBytes } from 'node:crypto'

import type { Running } from './start.ts'

export interface UserAgent {
  /** The cookies, by name. */
  readonly cookies: Map<string, string>
  /** Opens an address of the issuer; redirects are not followed. */
  get(address: string, headers?: Record<string, string>): Promise<Response>
  post(address: string, form: Record<string, string>, headers?: Record<string, string>): Promise<Response>
  /** Follows redirects within the issuer; gives the page, or the redirect that leaves it. */
  follow(response: Response): Promise<Arrival>
  /** Fills in and sends the first form of a page whose action ends so, with its hidden fields. */
  submit(page: Page, actionEnds: string, fields?: Record<string, string>): Promise<Response>
}

export interface Page {
  readonly address: string
  readonly status: number
  readonly html: string
  readonly headers: Headers
}

export type Arrival =
  | { readonly page: Page; readonly left?: undefined }
  | { readonly left: URL; readonly page?: undefined }

export interface UserAgentOptions {
  /** Which node answers, by number; all by the first unless set. */
  readonly node?: () => number
}

export function createUserAgent(
  { issuer, urls }: Pick<Running, 'issuer' | 'urls'>,
  options: UserAgentOptions = {},
): UserAgent {
  const cookies = new Map<string, string>()

  async function send(address: string, init: RequestInit): Promise<Response> {
    const url = new URL(address, issuer)
    const node = urls[options.node?.() ?? 0] as string
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(node + url.pathname + url.search, {
      redirect: 'manual',
      ...init,
      headers: { accept: 'text/html', ...(cookie && { cookie }), ...(init.headers as Record<string, string>) },
    })
    for (const line of response.headers.getSetCookie()) keep(line)
    return response
  }

  function keep(line: string): void {
    const [pair = '', ...attributes] = line.split('; ')
    const name = pair.slice(0, pair.indexOf('='))
    const value = pair.slice(pair.indexOf('=') + 1)
    const expired = attributes.some((one) => /^expires=Thu, 01 Jan 1970/i.test(one) || /^max-age=0$/i.test(one))
    if (expired || value === '') cookies.delete(name)
    else cookies.set(name, value)
  }

  const get: UserAgent['get'] = (address, headers = {}) => send(address, { headers })
  const post: UserAgent['post'] = (address, form, headers = {}) =>
    send(address, { method: 'POST', body: new URLSearchParams(form), headers: { origin: issuer, ...headers } })

  return {
    cookies,
    get,
    post,

    async follow(response) {
      let current = response
      let address = issuer
      for (let hop = 0; hop < 10; hop++) {
        const location = current.headers.get('location')
        if (location === null) {
          return { page: { address, status: current.status, html: await current.text(), headers: current.headers } }
        }
        const next = new URL(location, issuer)
        if (next.origin !== new URL(issuer).origin) return { left: next }
        address = next.href
        current = await get(next.href)
      }
      throw new Error('redirected in a circle')
    },

    submit(page, actionEnds, fields = {}) {
      const form = formsOf(page.html).find(({ action }) => action.endsWith(actionEnds))
      if (form === undefined)
        throw new Error(`no form ${actionEnds} on a page with status ${page.status}:\n${page.html}`)
      return post(form.action, { ...form.hidden, ...fields })
    },
  }
}

interface Form {
  readonly action: string
  readonly hidden: Record<string, string>
}

/** The forms of a page with their hidden fields. */
export function formsOf(html: string): Form[] {
  return [...html.matchAll(/<form\b[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/g)].map(
    ([, action = '', body = '']) => {
      const inputs = [...body.matchAll(/<input\b[^>]*type="hidden"[^>]*>/g)].map(([tag]) => [
        plainText(/name="([^"]*)"/.exec(tag)?.[1] ?? ''),
        plainText(/value="([^"]*)"/.exec(tag)?.[1] ?? ''),
      ])
      return { action: plainText(action), hidden: Object.fromEntries(inputs) as Record<string, string> }
    },
  )
}

function plainText(text: string): string {
  return text
    .replace(/&#34;|&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')
}

export interface Pkce {
  readonly verifier: string
  readonly challenge: string
}

export function newPkce(): Pkce {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

export const ALICE = { login: 'alice@example.com', password: 'wonderland-2026' }

export interface SignInOptions {
  readonly clientId?: string
  readonly redirectUri?: string
  readonly scope?: string
  /** Further parameters of the authorization request; `undefined` takes one away. */
  readonly params?: Record<string, string | undefined>
  readonly account?: { login: string; password: string }
}

/** The query of an authorization request for the SPA of the demo, unless told otherwise. */
export function authorizationUrl(pkce: Pkce, options: SignInOptions = {}): string {
  const params = {
    client_id: options.clientId ?? 'demo-spa',
    redirect_uri: options.redirectUri ?? 'http://localhost:4011/callback',
    response_type: 'code',
    scope: options.scope ?? 'openid orders:read',
    state: 'a-state',
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
    ...options.params,
  }
  const present = Object.entries(params).filter(([, value]) => value !== undefined) as [string, string][]
  return `/authorize?${new URLSearchParams(present).toString()}`
}

/** Signs in and consents as far as asked; gives what the application receives at its redirect URI. */
export async function signIn(agent: UserAgent, pkce: Pkce, options: SignInOptions = {}): Promise<URLSearchParams> {
  return (await signInAt(agent, authorizationUrl(pkce, options), options.account)).searchParams
}

/** Opens this address, signs in and consents as far as asked; gives the address at which it comes to the application. */
export async function signInAt(agent: UserAgent, address: string | URL, account = ALICE): Promise<URL> {
  let arrival = await agent.follow(await agent.get(String(address)))
  for (let step = 0; arrival.page !== undefined && step < 3; step++) {
    const { page } = arrival
    if (page.status !== 200) throw new Error(`status ${page.status}:\n${page.html}`)
    const sent = page.html.includes('name="password"')
      ? await agent.submit(page, '/login', { ...account })
      : await agent.submit(page, '/consent')
    if (sent.status !== 303) throw new Error(`a form was answered with ${sent.status}:\n${await sent.text()}`)
    arrival = await agent.follow(sent)
  }
  if (arrival.left === undefined) throw new Error('the browser did not come back to the application')
  return arrival.left
}

export interface TokenAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown> & {
    readonly access_token?: string
    readonly refresh_token?: string
    readonly id_token?: string
    readonly error?: string
  }
}

/** A POST of an application to an endpoint; `secret` sends HTTP Basic. */
export async function callEndpoint(
  url: string,
  params: Record<string, string | readonly string[]>,
  client?: { readonly id: string; readonly secret: string },
  headers: Readonly<Record<string, string>> = {},
): Promise<TokenAnswer> {
  const body = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) for (const one of [value].flat()) body.append(name, one)
  const authorization = client && `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { ...headers, ...(authorization && { authorization }) },
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? {} : (JSON.parse(text) as TokenAnswer['body']),
  }
}

/** Redeems a code of a public client. */
export function redeem(url: string, code: string, pkce: Pkce, options: SignInOptions = {}): Promise<TokenAnswer> {
  return callEndpoint(`${url}/token`, {
    grant_type: 'authorization_code',
    client_id: options.clientId ?? 'demo-spa',
    redirect_uri: options.redirectUri ?? 'http://localhost:4011/callback',
    code,
    code_verifier: pkce.verifier,
  })
}

export function refresh(url: string, refreshToken: string, clientId = 'demo-spa', more: Record<string, string> = {}) {
  return callEndpoint(`${url}/token`, {
    grant_type: 'refresh_token',
    client_id: clientId,
    refresh_token: refreshToken,
    ...more,
  })
}
