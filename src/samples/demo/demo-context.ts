/** The context of the demo's flows: the server, the APIs, the clients, and how a person signs in. */

import { randomBytes } from 'node:crypto'

import * as openid from 'openid-client'

import type { ApiAddresses } from '../apis/addresses.ts'
import { INVENTORY } from '../apis/inventory.ts'
import { ORDERS } from '../apis/orders.ts'
import { REPORTS } from '../apis/reports.ts'
import { SHIPPING } from '../apis/shipping.ts'
import { DEMO_MACHINE } from '../start.ts'
import type { Browser, Page } from './browser.ts'
import { must, type Steps } from './steps.ts'

export interface DemoContext {
  readonly issuer: string
  readonly apis: ApiAddresses
  /** The address of the API whose tokens live for two seconds. */
  readonly brief: string
  /** The address of the API whose tokens are signed with a secret that it shares with the server. */
  readonly hs256: string
  /** The address of the API whose tokens are signed with RSASSA-PSS. */
  readonly ps256: string
  /** The address of the service that calls the Inventory API. */
  readonly shipping: string
  readonly rotating: RotatingServer
  readonly steps: Steps
}

/** Another server, whose clock the demo moves, and the address of an API that tells the time by that clock. */
export interface RotatingServer {
  readonly issuer: string
  readonly api: string
  readonly moveSeconds: (seconds: number) => void
}

export const PERSON = { login: 'alice@example.com', password: 'wonderland-2026' }

export const WEB = {
  clientId: 'demo-web',
  clientSecret: 'demo-web-secret-not-for-production',
  redirectUri: 'http://localhost:4010/callback',
  signedOutUri: 'http://localhost:4010/',
}
export const SPA = { clientId: 'demo-spa', redirectUri: 'http://localhost:4011/callback' }
export const MACHINE = DEMO_MACHINE
/** In addition to the demo seed: a public client without an idempotent window for refreshes. */
export const STRICT = { clientId: 'demo-strict', redirectUri: 'http://localhost:4012/callback' }
/** In addition to the demo seed: may call the API whose tokens live for two seconds. */
export const HASTY = { clientId: 'demo-hasty', clientSecret: 'demo-hasty-secret-not-for-production' }
export const BRIEF = 'https://brief.example'
/** In addition to the demo seed: one API for each algorithm that the three samples do not use. */
export const HS256_API = 'https://hs256.example'
export const PS256_API = 'https://ps256.example'
/** As long as the hash (RFC 7518 section 3.2), random, and new each time. The server and one API know it. */
export const SHARED_SECRET = randomBytes(32)
/** In addition to the demo seed: a client of every API that shows an algorithm. */
export const COLLECTOR = { clientId: 'demo-collector', clientSecret: 'demo-collector-secret-not-for-production' }
/** In addition to the demo seed: the Shipping service as the client of another API. */
export const SHIPPER = { clientId: 'demo-shipping', clientSecret: 'demo-shipping-secret-not-for-production' }

/** The grantor.yaml of the demo; the demo seed is added to it. */
export const SETTINGS = JSON.stringify({
  default_api: ORDERS,
  apis: [
    {
      audience: BRIEF,
      scopes: { 'reports:read': 'Read your reports, quickly' },
      token: { algorithm: 'ES256', lifetime: '2s' },
    },
    {
      audience: HS256_API,
      scopes: { 'inventory:read': 'See what is in stock' },
      token: { algorithm: 'HS256', secret: SHARED_SECRET.toString('base64') },
    },
    {
      audience: PS256_API,
      scopes: { 'inventory:read': 'See what is in stock' },
      token: { algorithm: 'PS256' },
    },
    { audience: SHIPPING, scopes: { 'shipping:read': 'See what can be sent to you' }, token: { algorithm: 'ES256' } },
  ],
  clients: [
    {
      client_id: STRICT.clientId,
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: [STRICT.redirectUri],
      scopes: ['openid', 'profile'],
      apis: { [ORDERS]: ['orders:read'], [SHIPPING]: ['shipping:read'] },
      refresh: { idempotent_window: '0s' },
    },
    {
      client_id: HASTY.clientId,
      client_secret: HASTY.clientSecret,
      grant_types: ['client_credentials'],
      apis: { [BRIEF]: ['reports:read'] },
    },
    {
      client_id: COLLECTOR.clientId,
      client_secret: COLLECTOR.clientSecret,
      grant_types: ['client_credentials'],
      apis: {
        [ORDERS]: ['orders:read'],
        [INVENTORY]: ['inventory:read'],
        [REPORTS]: ['reports:read'],
        [HS256_API]: ['inventory:read'],
        [PS256_API]: ['inventory:read'],
      },
    },
    {
      client_id: SHIPPER.clientId,
      client_secret: SHIPPER.clientSecret,
      grant_types: ['client_credentials'],
      apis: { [INVENTORY]: ['inventory:read'] },
    },
  ],
})

/** A client as openid-client knows it; without a secret a public one. */
export async function discoverAs(
  issuer: string,
  client: { readonly clientId: string; readonly clientSecret?: string },
): Promise<openid.Configuration> {
  const auth = client.clientSecret === undefined ? openid.None() : openid.ClientSecretBasic(client.clientSecret)
  // http is for this machine only; openid-client refuses it by default.
  const execute = [openid.allowInsecureRequests]
  return openid.discovery(new URL(issuer), client.clientId, undefined, auth, { execute })
}

export interface Asked {
  readonly url: URL
  readonly redirectUri: string
  readonly checks: {
    readonly pkceCodeVerifier: string
    readonly expectedState: string
    readonly expectedNonce: string
    readonly idTokenExpected: true
  }
}

/** An authorization request with PKCE, state and nonce. */
export async function ask(
  config: openid.Configuration,
  { redirectUri, scope, resources = [], ...more }: AskOptions,
): Promise<Asked> {
  const checks = {
    pkceCodeVerifier: openid.randomPKCECodeVerifier(),
    expectedState: openid.randomState(),
    expectedNonce: openid.randomNonce(),
    idTokenExpected: true,
  } as const
  const parameters = new URLSearchParams({
    redirect_uri: redirectUri,
    scope,
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    ...more,
  })
  for (const resource of resources) parameters.append('resource', resource)
  return { url: openid.buildAuthorizationUrl(config, parameters), redirectUri, checks }
}

export interface AskOptions {
  readonly redirectUri: string
  readonly scope: string
  readonly resources?: readonly string[]
  readonly prompt?: string
}

/** Opens the request in a browser and does what a person does there, until it goes back to the application. */
export async function signIn(
  browser: Browser,
  { url, redirectUri }: Pick<Asked, 'url' | 'redirectUri'>,
): Promise<{ answer: URL; pages: string[] }> {
  const pages: string[] = []
  let arrival = await browser.open(url)
  // Login, consent, and nothing else is due.
  while (arrival.page !== undefined && pages.length < 2) {
    const { name, form, fields } = nextForm(arrival.page)
    pages.push(name)
    arrival = await browser.submit(form, fields)
  }
  must(arrival.left, `the browser ended at ${arrival.page?.url.pathname}`)
  must(arrival.left.href.startsWith(redirectUri), `the browser ended at ${arrival.left.origin}`)
  return { answer: arrival.left, pages }
}

function nextForm(page: Page) {
  const login = page.forms.find(({ fields }) => 'password' in fields)
  if (login !== undefined) return { name: 'login', form: login, fields: PERSON }
  const consent = page.forms.find(({ action }) => action.pathname.endsWith('/consent'))
  must(consent, `${page.url.pathname} (${page.status}) is neither login nor consent`)
  return { name: 'consent', form: consent, fields: {} }
}

/** Throws unless openid-client is refused with this OAuth error. */
export async function mustBeRefused(attempt: Promise<unknown>, error: string): Promise<void> {
  const refusal = await attempt.then(
    () => undefined,
    (reason: { error?: string; message: string }) => reason,
  )
  must(refusal !== undefined, 'it was accepted')
  must(refusal.error === error, `it was refused with ${refusal.error ?? refusal.message} instead of ${error}`)
}

/** Header and payload of a JWT, for showing; nothing is verified here. */
export function peek(jwt: string): { header: Record<string, unknown>; payload: Record<string, unknown> } {
  const [header = {}, payload = {}] = jwt
    .split('.', 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>)
  return { header, payload }
}

export interface CallInit {
  readonly method?: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Calls an API with a token, or with none. */
export async function call(address: string, token: string | undefined, init: CallInit = {}) {
  const headers = { ...init.headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }
  const response = await fetch(address, { ...init, headers })
  const text = await response.text()
  const challenge = response.headers.get('www-authenticate') ?? ''
  return { status: response.status, challenge, code: codeOf(text), text }
}

/** Throws unless the API answers the call with this status; gives its answer, shortened. */
export async function mustAnswer(address: string, token: string, status: number, init: CallInit = {}): Promise<string> {
  const answer = await call(address, token, init)
  must(answer.status === status, `it answered ${answer.status} ${answer.code ?? ''}`)
  return `${status} ${answer.text.length > 60 ? `${answer.text.slice(0, 60)}…` : answer.text}`
}

function codeOf(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { code?: string }).code
  } catch {
    return undefined
  }
}
