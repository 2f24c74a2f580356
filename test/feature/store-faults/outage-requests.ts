/** One request of each kind, prepared while the store is there, to be sent while it is away and again when it is back. */

import { randomUUID } from 'node:crypto'
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'

import { type Running, type StartOptions, start } from '../../support/start.ts'
import {
  ALICE,
  authorizationUrl,
  createUserAgent,
  formsOf,
  newPkce,
  type Pkce,
  redeem,
  signIn,
  type UserAgent,
} from '../../support/user-agent.ts'

const OPAQUE_API = 'https://opaque.example'
const MACHINE = { id: 'demo-machine', secret: 'demo-machine-secret-not-for-production' }
const ASSERTING = 'asserting'
const WEB = { id: 'demo-web', secret: 'demo-web-secret-not-for-production' }
const WEB_REQUEST = { clientId: WEB.id, redirectUri: 'http://localhost:4010/callback' }

export interface Answer {
  readonly status: number
  readonly retryAfter: string | null
  readonly text: string
}

/** Sends the request and reads the answer to its end. */
type Send = () => Promise<Answer>
export type Sends = Readonly<Record<string, Send>>

export interface OutageRequests {
  /** What an application sends, where something is written. */
  readonly writes: Sends
  /** What an application or API sends, where something is only looked up. */
  readonly lookUps: Sends
  /** What a browser sends. */
  readonly pages: Sends
  /** A JWT for a machine, which needs no store. */
  readonly machineToken: Send
  /** Discovery and JWKS. */
  readonly documents: Sends
  readonly ready: Send
}

export async function startForOutage(
  options: Omit<StartOptions, 'apis' | 'clients'>,
): Promise<{ app: Running; requests: OutageRequests }> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const apis = { 'https://orders.example': ['orders:read'], [OPAQUE_API]: ['test:read'] }
  const app = await start({
    ...options,
    apis: [{ audience: OPAQUE_API, tokenFormat: 'opaque', introspectedBy: [MACHINE.id] }],
    clients: [
      { clientId: MACHINE.id, apis },
      {
        ...{ clientId: ASSERTING, authMethod: 'private_key_jwt', grantTypes: ['client_credentials'], apis },
        jwks: { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', kid: ASSERTING }] },
        redirectUris: [],
        scopes: [],
      },
    ],
  })
  return { app, requests: await prepare(app, privateKey) }
}

async function prepare(app: Running, privateKey: CryptoKey): Promise<OutageRequests> {
  const url = app.urls[0] as string
  const person = createUserAgent(app)
  const used = await newCode(person)
  const { body: tokens } = await redeem(url, used.code, used.pkce)
  const unused = await newCode(person)
  const opaque = await opaqueToken(url)
  const doomed = await opaqueToken(url)
  const refreshForm = {
    grant_type: 'refresh_token',
    client_id: 'demo-spa',
    refresh_token: tokens.refresh_token ?? '',
  }
  const codeForm = {
    grant_type: 'authorization_code',
    client_id: 'demo-spa',
    redirect_uri: 'http://localhost:4011/callback',
    code: unused.code,
    code_verifier: unused.pkce.verifier,
  }
  return {
    writes: {
      'a code': post(`${url}/token`, codeForm),
      'a refresh token': post(`${url}/token`, refreshForm),
      'an opaque token': machineForm(url, { resource: OPAQUE_API, scope: 'test:read' }),
      // A new one each time, as applications do: one that was sent into a silence may have been taken.
      'a client assertion': async () => post(`${url}/token`, await assertionForm(app.issuer, privateKey))(),
      'a pushed request': post(`${url}/par`, pushedForm(app.issuer), WEB),
      'a revocation': post(`${url}/revoke`, { token: doomed }, MACHINE),
    },
    lookUps: {
      'an opaque token at introspection': post(`${url}/introspect`, { token: opaque }, MACHINE),
      'an opaque token at introspection, with a hint': post(
        `${url}/introspect`,
        { token: opaque, token_type_hint: 'access_token' },
        MACHINE,
      ),
      'a JWT at userinfo': get(`${url}/userinfo`, { authorization: `Bearer ${tokens.access_token}` }),
    },
    pages: await browserRequests(app, url, person.cookies),
    machineToken: machineForm(url, {}),
    documents: {
      discovery: get(`${url}/.well-known/openid-configuration`),
      jwks: get(`${url}/jwks`),
    },
    ready: get(`${app.nodes[0]?.opsUrl}/health/ready`),
  }
}

/** An authorization of a signed-in person; the login page and its form; the logout and its form. */
async function browserRequests(app: Running, url: string, cookies: ReadonlyMap<string, string>): Promise<Sends> {
  const stranger = createUserAgent(app)
  const begun = await stranger.get(authorizationUrl(newPkce()))
  const loginPath = new URL(begun.headers.get('location') ?? '', app.issuer).pathname
  const loginHtml = await (await stranger.get(loginPath)).text()
  const [form] = formsOf(loginHtml).filter(({ action }) => action.endsWith('/login'))
  if (form === undefined) throw new Error('no login form')
  const headers = { cookie: cookieHeader(cookies), accept: 'text/html' }
  const strangers = { cookie: cookieHeader(stranger.cookies), accept: 'text/html', origin: app.issuer }
  return {
    'an authorization': get(url + authorizationUrl(newPkce()), headers),
    'the login page': get(url + loginPath, strangers),
    'the login form': post(url + form.action, { ...form.hidden, ...ALICE }, undefined, strangers),
    'the logout page': get(`${url}/logout`, headers),
    'the connected apps': get(`${url}/account/apps`, headers),
  }
}

async function newCode(agent: UserAgent): Promise<{ pkce: Pkce; code: string }> {
  const pkce = newPkce()
  return { pkce, code: (await signIn(agent, pkce)).get('code') ?? '' }
}

function machineForm(url: string, more: Record<string, string>): Send {
  return post(`${url}/token`, { grant_type: 'client_credentials', ...more }, MACHINE)
}

async function opaqueToken(url: string): Promise<string> {
  const { text } = await machineForm(url, { resource: OPAQUE_API, scope: 'test:read' })()
  return (JSON.parse(text) as { access_token: string }).access_token
}

function pushedForm(issuer: string): Record<string, string> {
  return Object.fromEntries(new URL(authorizationUrl(newPkce(), WEB_REQUEST), issuer).searchParams)
}

async function assertionForm(issuer: string, privateKey: CryptoKey): Promise<Record<string, string>> {
  const assertion = new SignJWT({ jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256', kid: ASSERTING })
    .setIssuer(ASSERTING)
    .setSubject(ASSERTING)
    .setAudience(issuer)
    .setIssuedAt()
    .setExpirationTime('5m')
  return {
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await assertion.sign(privateKey),
  }
}

function cookieHeader(cookies: ReadonlyMap<string, string>): string {
  return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
}

function get(url: string, headers: Record<string, string> = {}): Send {
  return () => answerOf(fetch(url, { headers, redirect: 'manual' }))
}

function post(
  url: string,
  form: Record<string, string>,
  client?: { readonly id: string; readonly secret: string },
  headers: Record<string, string> = {},
): Send {
  const basic = client && `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`
  return () =>
    answerOf(
      fetch(url, {
        method: 'POST',
        body: new URLSearchParams(form),
        headers: { ...headers, ...(basic && { authorization: basic }) },
        redirect: 'manual',
      }),
    )
}

async function answerOf(sent: Promise<Response>): Promise<Answer> {
  const response = await sent
  return { status: response.status, retryAfter: response.headers.get('retry-after'), text: await response.text() }
}
